from pathlib import Path

import pytest
from annotated_types import Ge, Le
from pydantic import ValidationError

from rag.errors import SettingsError
from rag.settings import Settings, load

DOCUMENT = Path(__file__).parent.parent / "docs" / "settings.md"
SECRETS = ("qdrant_api_key", "embedding_api_key", "llm_api_key")


def bounds(field):
    """The least and greatest value of a field, None where it has no such end."""
    found = {type(limit): limit for limit in field.metadata}
    return getattr(found.get(Ge), "ge", None), getattr(found.get(Le), "le", None)


RANGES = {name: bounds(field) for name, field in Settings.model_fields.items() if bounds(field) != (None, None)}


def rows():
    """The lines of the table in docs/settings.md, as the fields of Settings would have them."""
    for name, field in Settings.model_fields.items():
        default = "unset" if field.default is None else f"`{field.default}`"
        low, high = RANGES.get(name, (None, None))
        reach = f" ({low} to {high})" if name in RANGES else ""
        yield f"| `DALIL_{name.upper()}` | {default} | {field.description}{reach} |"


def wrong(monkeypatch, **environment):
    """What is said of these variables."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load(environment=environment)
    return str(raised.value)


# Defaults


def test_without_any_variable_everything_has_its_default():
    settings = load(environment={})
    assert settings.data_dir == Path(".dalil")
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)
    assert settings.qdrant_url is settings.embedding_base_url is settings.model is settings.refuse_below is None


def test_a_setting_is_read_from_its_variable(monkeypatch):
    monkeypatch.setenv("DALIL_TOP_K", "3")
    monkeypatch.setenv("DALIL_DATA_DIR", "مجلد")
    settings = load()
    assert (settings.top_k, settings.data_dir) == (3, Path("مجلد"))


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("DALIL_TOP_K", "")
    monkeypatch.setenv("DALIL_QDRANT_URL", "")
    assert (load().top_k, load().qdrant_url) == (8, None)


def test_what_is_given_in_code_comes_before_the_environment(monkeypatch):
    monkeypatch.setenv("DALIL_PORT", "1234")
    assert load(port=99).port == 99


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        load(environment={}).port = 1


def test_there_are_not_many_settings():
    assert len(Settings.model_fields) <= 26
    assert all(field.description for field in Settings.model_fields.values())


# Ranges


def test_every_number_has_a_range():
    numbers = {name for name, field in Settings.model_fields.items() if str(field.annotation).count("int")}
    numbers |= {name for name, field in Settings.model_fields.items() if "float" in str(field.annotation)}
    assert numbers == set(RANGES)


@pytest.mark.parametrize("name", RANGES)
def test_a_number_outside_its_range_names_the_variable_and_the_limit(monkeypatch, name):
    variable = f"DALIL_{name.upper()}"
    low, high = RANGES[name]
    for limit, beyond in ((low, low - 1), (high, high + 1)):
        said = wrong(monkeypatch, **{variable: str(beyond)})
        assert said.startswith(f"{variable}: ")
        assert str(limit) in said
        assert repr(str(beyond)) in said


@pytest.mark.parametrize("name", RANGES)
def test_the_ends_of_a_range_are_allowed(monkeypatch, name):
    for value in RANGES[name]:
        monkeypatch.setenv(f"DALIL_{name.upper()}", str(value))
        assert getattr(load(), name) == value


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("value", ["many", "nan", "1e400", "0x10", "٣ و٤"])
def test_what_is_no_number_names_the_variable(monkeypatch, name, value):
    assert wrong(monkeypatch, **{f"DALIL_{name.upper()}": value}).startswith(f"DALIL_{name.upper()}: ")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DALIL_QDRANT_URL", "localhost:6333"),
        ("DALIL_QDRANT_URL", "ftp://host"),
        ("DALIL_QDRANT_URL", "http://"),
        ("DALIL_EMBEDDING_BASE_URL", "api.example.org/v1"),
        ("DALIL_LLM_BASE_URL", "https:///v1"),
        ("DALIL_QDRANT_PREFIX", "two words"),
        ("DALIL_QDRANT_PREFIX", "../up"),
        ("DALIL_QDRANT_PREFIX", "x" * 61),
    ],
)
def test_a_malformed_value_names_the_variable_and_shows_the_value(monkeypatch, variable, value):
    said = wrong(monkeypatch, **{variable: value})
    assert variable in said
    assert value in said


def test_every_wrong_value_is_told_at_once(monkeypatch):
    said = wrong(monkeypatch, DALIL_PORT="0", DALIL_TOP_K="x")
    assert "DALIL_PORT: " in said
    assert "DALIL_TOP_K: " in said


@pytest.mark.parametrize("what", ["EMBEDDING", "LLM"])
def test_an_endpoint_needs_a_model(monkeypatch, what):
    said = wrong(monkeypatch, **{f"DALIL_{what}_BASE_URL": "http://127.0.0.1:1/v1"})
    assert said == f"DALIL_{what}_BASE_URL needs DALIL_{what}_MODEL beside it"


# Names


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DALIL_TOPK", "DALIL_TOP_K"),
        ("DALIL_LLM_URL", "DALIL_LLM_BASE_URL"),
        ("DALIL_PROT", "DALIL_PORT"),
        ("DALIL_DATADIR", "DALIL_DATA_DIR"),
        ("DALIL_OPENAI_KEY", "DALIL_API_KEYS"),
    ],
)
def test_an_unknown_name_is_refused_with_a_suggestion(name, meant):
    with pytest.raises(SettingsError, match=rf"^Unknown setting {name}\. Did you mean {meant}\?$"):
        load(environment={name: "x"})


def test_an_unknown_name_like_no_other_is_refused_without_one():
    with pytest.raises(SettingsError, match=r"^Unknown setting DALIL_ZZZZZZ\.$"):
        load(environment={"DALIL_ZZZZZZ": "1"})


def test_names_for_tests_and_of_others_are_left_alone():
    assert load(environment={"DALIL_TEST_QDRANT_URL": "x", "DALI": "x", "PATH": "x"}).qdrant_url is None


def test_an_unknown_override_is_refused():
    with pytest.raises(SettingsError, match="DALIL_TOPK"):
        load(environment={}, topk=3)


# Models and keys


def test_without_a_key_or_an_endpoint_there_is_no_model(monkeypatch):
    monkeypatch.setenv("DALIL_LLM_MODEL", "some")
    assert load().model is None


def test_an_openai_key_alone_sets_a_model(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    settings = load()
    assert settings.model
    assert settings.llm_base_url is None
    assert settings.llm_api_key.get_secret_value() == "sk-1"


def test_an_openai_key_serves_the_model_named(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("DALIL_LLM_MODEL", "some")
    assert load().model == "some"


def test_dalils_own_key_comes_first(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("DALIL_LLM_API_KEY", "sk-2")
    assert load().llm_api_key.get_secret_value() == "sk-2"


def test_an_endpoint_with_its_model_needs_no_key(monkeypatch):
    monkeypatch.setenv("DALIL_LLM_BASE_URL", "http://127.0.0.1:11434/v1")
    monkeypatch.setenv("DALIL_LLM_MODEL", "some")
    assert (load().model, load().llm_api_key) == ("some", None)


@pytest.mark.parametrize("name", SECRETS)
def test_keys_are_not_shown(monkeypatch, name):
    monkeypatch.setenv(f"DALIL_{name.upper()}", "sk-hidden")
    settings = load()
    assert getattr(settings, name).get_secret_value() == "sk-hidden"
    assert "sk-hidden" not in f"{settings!r} {settings} {settings.model_dump()}"


def test_a_key_is_not_shown_beside_another_wrong_value(monkeypatch):
    said = wrong(monkeypatch, DALIL_LLM_API_KEY="sk-hidden", DALIL_PORT="x", DALIL_LLM_BASE_URL="http://a/v1")
    assert "sk-hidden" not in said


# The document


def test_the_document_lists_exactly_the_settings():
    written = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert written == list(rows())
