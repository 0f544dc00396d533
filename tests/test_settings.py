from pathlib import Path

import pytest
from annotated_types import Ge, Le
from pydantic import ValidationError

from rag.errors import SettingsError
from rag.settings import Settings, load_settings

DOCUMENT = Path(__file__).parent.parent / "docs" / "reference" / "settings.md"
SECRETS = (
    "qdrant_api_key",
    "database_url",
    "redis_url",
    "embedding_api_key",
    "rerank_api_key",
    "llm_api_key",
    "api_keys",
    "oidc_client_secret",
    "webhook_secret",
)


def read_bounds(field):
    """The least and greatest value of a field, None where it has no such bound."""
    limits = {type(limit): limit for limit in field.metadata}
    return getattr(limits.get(Ge), "ge", None), getattr(limits.get(Le), "le", None)


RANGES = {
    name: read_bounds(field) for name, field in Settings.model_fields.items() if read_bounds(field) != (None, None)
}


def describe_rows():
    """The lines of the table in the document, as the fields of `Settings` have them."""
    for name, field in Settings.model_fields.items():
        default = {None: "unset", "": "empty"}.get(field.default, f"`{field.default}`")
        low, high = RANGES.get(name, (None, None))
        reach = f" ({low} to {high})" if name in RANGES else ""
        yield f"| `DALIL_{name.upper()}` | {default} | {field.description}{reach} |"


def read_error(**environment):
    """The message of the error for these variables."""
    with pytest.raises(SettingsError) as raised:
        load_settings(environment)
    return str(raised.value)


# Defaults


def test_without_any_variable_everything_has_its_default():
    settings = load_settings({})
    assert settings.data_dir == Path(".dalil")
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)
    assert settings.qdrant_url is settings.embedding_base_url is settings.rerank_base_url is settings.llm_name is None
    assert settings.refuse_below is None
    assert (settings.embedding_query_prefix, settings.embedding_passage_prefix) == ("", "")


def test_a_setting_is_read_from_its_variable(monkeypatch):
    monkeypatch.setenv("DALIL_TOP_K", "3")
    monkeypatch.setenv("DALIL_DATA_DIR", "مجلد")
    settings = load_settings()
    assert (settings.top_k, settings.data_dir) == (3, Path("مجلد"))


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("DALIL_TOP_K", "")
    monkeypatch.setenv("DALIL_QDRANT_URL", "")
    assert (load_settings().top_k, load_settings().qdrant_url) == (8, None)


def test_an_override_comes_before_the_environment(monkeypatch):
    monkeypatch.setenv("DALIL_PORT", "1234")
    assert load_settings(port=99).port == 99


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        load_settings({}).port = 1


def test_there_are_few_settings_and_each_is_described():
    assert len(Settings.model_fields) <= 78
    assert all(field.description for field in Settings.model_fields.values())


# The environment that is read


def test_values_are_read_from_the_mapping_given_and_not_from_the_environment_of_the_process(monkeypatch):
    monkeypatch.setenv("DALIL_PORT", "5000")
    monkeypatch.setenv("DALIL_TOP_K", "9")
    monkeypatch.setenv("DALIL_LLM_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    settings = load_settings({"DALIL_PORT": "4000"})
    assert (settings.port, settings.top_k) == (4000, 8)
    assert settings.llm_base_url is settings.llm_api_key is None


def test_an_openai_key_of_the_mapping_given_is_read():
    assert load_settings({"OPENAI_API_KEY": "sk-1"}).llm_api_key.get_secret_value() == "sk-1"


def test_an_unknown_name_of_the_process_is_no_error_where_a_mapping_is_given(monkeypatch):
    monkeypatch.setenv("DALIL_TOPK", "3")
    assert load_settings({}).top_k == 8
    with pytest.raises(SettingsError, match="DALIL_TOPK"):
        load_settings()


# Ranges


def test_every_number_has_a_range():
    numbers = {name for name, field in Settings.model_fields.items() if str(field.annotation).count("int")}
    numbers |= {name for name, field in Settings.model_fields.items() if "float" in str(field.annotation)}
    assert numbers == set(RANGES)


@pytest.mark.parametrize("name", RANGES)
def test_a_number_outside_its_range_names_the_variable_and_the_limit(name):
    variable = f"DALIL_{name.upper()}"
    low, high = RANGES[name]
    for limit, beyond in ((low, low - 1), (high, high + 1)):
        message = read_error(**{variable: str(beyond)})
        assert message.startswith(f"{variable}: ")
        assert str(limit) in message
        assert repr(str(beyond)) in message


@pytest.mark.parametrize("name", RANGES)
def test_the_ends_of_a_range_are_allowed(monkeypatch, name):
    for value in RANGES[name]:
        monkeypatch.setenv(f"DALIL_{name.upper()}", str(value))
        assert getattr(load_settings(), name) == value


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("value", ["many", "nan", "1e400", "0x10", "٣ و٤"])
def test_what_is_no_number_names_the_variable(name, value):
    assert read_error(**{f"DALIL_{name.upper()}": value}).startswith(f"DALIL_{name.upper()}: ")


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
def test_a_malformed_value_names_the_variable_and_shows_the_value(variable, value):
    message = read_error(**{variable: value})
    assert variable in message
    assert value in message


def test_every_wrong_value_is_in_the_message():
    message = read_error(DALIL_PORT="0", DALIL_TOP_K="x")
    assert "DALIL_PORT: " in message
    assert "DALIL_TOP_K: " in message


@pytest.mark.parametrize("endpoint", ["EMBEDDING", "LLM"])
def test_an_endpoint_needs_a_model(endpoint):
    message = read_error(**{f"DALIL_{endpoint}_BASE_URL": "http://127.0.0.1:1/v1"})
    assert message == f"DALIL_{endpoint}_BASE_URL needs DALIL_{endpoint}_MODEL beside it"


# Names


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("DALIL_TOPK", "DALIL_TOP_K"),
        ("DALIL_LLM_URL", "DALIL_LLM_BASE_URL"),
        ("DALIL_PROT", "DALIL_PORT"),
        ("DALIL_DATADIR", "DALIL_DATA_DIR"),
        ("DALIL_OPENAI_KEY", "DALIL_API_KEYS"),
    ],
)
def test_an_unknown_name_is_refused_with_a_suggestion(name, suggestion):
    with pytest.raises(SettingsError, match=rf"^Unknown setting {name}\. Did you mean {suggestion}\?$"):
        load_settings({name: "x"})


def test_an_unknown_name_like_no_other_is_refused_without_a_suggestion():
    with pytest.raises(SettingsError, match=r"^Unknown setting DALIL_ZZZZZZ\.$"):
        load_settings({"DALIL_ZZZZZZ": "1"})


def test_names_for_tests_and_of_others_are_ignored():
    assert load_settings({"DALIL_TEST_QDRANT_URL": "x", "DALI": "x", "PATH": "x"}).qdrant_url is None


def test_an_unknown_override_is_refused():
    with pytest.raises(SettingsError, match="DALIL_TOPK"):
        load_settings({}, topk=3)


# Models and keys


def test_without_a_key_or_an_endpoint_there_is_no_model(monkeypatch):
    monkeypatch.setenv("DALIL_LLM_MODEL", "some")
    assert load_settings().llm_name is None


def test_an_openai_key_alone_sets_a_model(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    settings = load_settings()
    assert settings.llm_name
    assert settings.llm_base_url is None
    assert settings.llm_api_key.get_secret_value() == "sk-1"


def test_an_openai_key_serves_the_model_named(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("DALIL_LLM_MODEL", "some")
    assert load_settings().llm_name == "some"


def test_dalils_own_key_comes_first(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("DALIL_LLM_API_KEY", "sk-2")
    assert load_settings().llm_api_key.get_secret_value() == "sk-2"


@pytest.mark.parametrize(
    ("variables", "url", "key"),
    [
        ({}, None, "sk-1"),
        ({"OPENAI_BASE_URL": "https://eu.api.openai.com/v1"}, "https://eu.api.openai.com/v1", "sk-1"),
        ({"OPENAI_BASE_URL": "http://a/v1", "DALIL_LLM_MODEL": "m"}, "http://a/v1", None),
        ({"DALIL_LLM_BASE_URL": "http://a/v1", "DALIL_LLM_MODEL": "m"}, "http://a/v1", None),
        ({"DALIL_LLM_BASE_URL": "https://api.openai.com.example/v1", "DALIL_LLM_MODEL": "m"}, ..., None),
        (
            {"OPENAI_BASE_URL": "http://a/v1", "DALIL_LLM_BASE_URL": "http://b/v1", "DALIL_LLM_MODEL": "m"},
            "http://b/v1",
            None,
        ),
        (
            {"OPENAI_BASE_URL": "http://a/v1", "DALIL_LLM_MODEL": "m", "DALIL_LLM_API_KEY": "sk-2"},
            "http://a/v1",
            "sk-2",
        ),
    ],
)
def test_openais_address_is_honoured_and_its_key_goes_to_openai_alone(variables, url, key):
    settings = load_settings({"OPENAI_API_KEY": "sk-1", **variables})
    assert url in (..., settings.llm_base_url)
    assert (settings.llm_api_key and settings.llm_api_key.get_secret_value()) == key


def test_an_address_of_openais_variables_alone_is_some_other_programs():
    assert load_settings({"OPENAI_BASE_URL": "http://a/v1"}).llm_name is None
    assert load_settings({"OPENAI_BASE_URL": "http://a/v1", "DALIL_LLM_MODEL": "m"}).llm_name == "m"
    with pytest.raises(SettingsError, match="DALIL_LLM_MODEL"):
        load_settings({"OPENAI_BASE_URL": "http://a/v1", "OPENAI_API_KEY": "sk-1"})


def test_objects_are_read_from_json():
    settings = load_settings({"DALIL_LLM_EXTRA_BODY": '{"top_p": 0.9}', "DALIL_LLM_EXTRA_QUERY": '{"a": "b"}'})
    assert (settings.llm_extra_body, settings.llm_extra_query) == ({"top_p": 0.9}, {"a": "b"})
    for value in ("[1]", "{", "1"):
        assert read_error(DALIL_LLM_EXTRA_BODY=value).startswith("DALIL_LLM_EXTRA_BODY: a JSON object is wanted")


@pytest.mark.parametrize("headers", ["sk-hidden", '["sk-hidden"]', '{"X-Key": ["sk-hidden"]}'])
def test_headers_that_are_none_are_refused_and_not_shown(headers):
    message = read_error(DALIL_LLM_EXTRA_HEADERS=headers)
    assert "DALIL_LLM_EXTRA_HEADERS" in message
    assert "sk-hidden" not in message


def test_a_key_goes_as_its_endpoint_wants_it_and_headers_are_secret():
    headers = {"llm_extra_headers": '{"X-Key": "sk-3"}'}
    settings = load_settings({}, llm_api_key="sk-2", **headers)
    assert settings.llm_request_headers == {"Authorization": "Bearer sk-2", "X-Key": "sk-3"}
    assert {"sk-2", "sk-3"} <= {*settings.secrets}
    azure = load_settings({}, llm_api_key="sk-2", llm_api_version="2024-10-21")
    assert azure.llm_request_headers == {"api-key": "sk-2"}


def test_the_password_of_an_address_is_a_secret_by_itself():
    settings = load_settings({}, database_url="postgresql://u:p%40ss@h/d", redis_url="redis://[")
    assert "p@ss" in settings.secrets


def test_an_answer_may_take_half_of_the_context():
    assert load_settings({}).llm_answer_tokens == 700
    assert load_settings({}, llm_max_tokens=9000, llm_context_tokens=4000).llm_answer_tokens == 2000


def test_an_endpoint_with_its_model_needs_no_key(monkeypatch):
    monkeypatch.setenv("DALIL_LLM_BASE_URL", "http://127.0.0.1:11434/v1")
    monkeypatch.setenv("DALIL_LLM_MODEL", "some")
    assert (load_settings().llm_name, load_settings().llm_api_key) == ("some", None)


@pytest.mark.parametrize("name", SECRETS)
def test_keys_are_not_shown(monkeypatch, name):
    monkeypatch.setenv(f"DALIL_{name.upper()}", "sk-hidden")
    settings = load_settings()
    assert getattr(settings, name).get_secret_value() == "sk-hidden"
    assert "sk-hidden" not in f"{settings!r} {settings} {settings.model_dump()}"


def test_a_key_is_not_shown_beside_another_wrong_value():
    message = read_error(DALIL_LLM_API_KEY="sk-hidden", DALIL_PORT="x", DALIL_LLM_BASE_URL="http://a/v1")
    assert "sk-hidden" not in message


# Endpoints, access and derived values


def test_prefixes_of_embeddings_keep_the_space_at_their_end():
    settings = load_settings({"DALIL_EMBEDDING_QUERY_PREFIX": "query: ", "DALIL_EMBEDDING_PASSAGE_PREFIX": "passage: "})
    assert (settings.embedding_query_prefix, settings.embedding_passage_prefix) == ("query: ", "passage: ")


def test_an_endpoint_for_reranking_is_read():
    variables = {
        "DALIL_RERANK_BASE_URL": "https://a.example/v1",
        "DALIL_RERANK_MODEL": "m",
        "DALIL_RERANK_API_KEY": "k",
    }
    settings = load_settings(variables)
    assert (settings.rerank_base_url, settings.rerank_model) == ("https://a.example/v1", "m")
    assert settings.rerank_api_key.get_secret_value() == "k"


def test_an_endpoint_for_reranking_may_serve_a_single_model():
    assert load_settings({"DALIL_RERANK_BASE_URL": "http://a.example"}).rerank_model is None


@pytest.mark.parametrize(("joined", "keys"), [(None, ()), ("a", ("a",)), (" a, b ,,c", ("a", "b", "c")), (" , ", ())])
def test_accepted_keys_are_parted_by_commas(joined, keys):
    assert load_settings({}, api_keys=joined).accepted_keys == keys


def test_more_answers_are_written_at_once_where_a_model_writes_them():
    endpoint = {"llm_base_url": "http://127.0.0.1:1/v1", "llm_model": "m"}
    without_model, with_model = (load_settings({}, **changes).concurrent_answers for changes in ({}, endpoint))
    assert 1 <= without_model < with_model
    assert load_settings({}, max_concurrent=7, **endpoint).concurrent_answers == 7


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "example.org"])
def test_a_host_that_others_reach_needs_keys_or_open_access(host):
    message = read_error(DALIL_HOST=host)
    assert f"DALIL_HOST={host}" in message
    assert "DALIL_API_KEYS" in message
    assert "DALIL_OPEN_ACCESS=true" in message
    assert load_settings({"DALIL_HOST": host, "DALIL_API_KEYS": "k"}).host == host
    assert load_settings({"DALIL_HOST": host, "DALIL_OPEN_ACCESS": "true"}).host == host


@pytest.mark.parametrize("urls", ["http://a", "https://a:6333/path", "http://a:1,http://b:2", "http://a:1, https://b"])
def test_a_qdrant_server_may_have_several_addresses(urls):
    assert load_settings({"DALIL_QDRANT_URL": urls}).qdrant_url == urls


@pytest.mark.parametrize("urls", ["a:6333", "http://", "http://a b", "http://a,", "http://a,b:2"])
def test_what_is_no_list_of_addresses_is_refused(urls):
    with pytest.raises(SettingsError, match="DALIL_QDRANT_URL"):
        load_settings({"DALIL_QDRANT_URL": urls})


# The document


def test_the_document_lists_exactly_the_settings():
    rows = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert rows == list(describe_rows())
