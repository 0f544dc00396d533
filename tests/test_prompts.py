import json
import re
from pathlib import Path

import pytest

import prompts
from rag.grounding.verifier import NO_ANSWER
from rag.language.document import Document
from rag.language.languages import LANGUAGES

VALUES = {"title": "{x}", "titles": "{y} $z", "subject": "{x}", "count": "7", "topics": "{x}", "page": "7"}
FOLDER = Path(prompts.__file__).parent


def find_variables(language):
    """The variables of each prompt of a language, by file name."""
    files = (FOLDER / language).glob("*.md")
    return {file.name: set(re.findall(r"\$\w+", file.read_text("utf-8"))) for file in files}


def read_messages(language):
    return json.loads((FOLDER / language / "messages.json").read_text("utf-8"))


# Prompts


@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_render_in_both_languages(language):
    answer = prompts.render_prompt(language, "answer", no_answer=NO_ANSWER, today="2026-01-31")
    values = {"passages": "PASSAGES", "question": "QUESTION", "no_answer": NO_ANSWER}
    question = prompts.render_prompt(language, "question", **values)
    assert NO_ANSWER in answer
    assert "2026-01-31" in answer
    assert question.index("PASSAGES") < question.index(NO_ANSWER), "the rule stands behind the passages once more"
    assert "[2]" in question
    assert Document(answer).language == Document(prompts.render_prompt(language, "retry_language")).language == language
    assert "PASSAGES" in question
    assert "QUESTION" in question
    assert "$" not in answer + question


def test_both_languages_have_the_same_prompts_with_the_same_variables():
    arabic, english = map(find_variables, ("ar", "en"))
    assert arabic == english
    assert set(arabic) == {"answer.md", "retry_language.md", "question.md", "standalone.md"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "values"), [("answer", {}), ("question", {"passages": "x"})])
def test_a_missing_variable_is_an_error(language, name, values):
    with pytest.raises(KeyError):
        prompts.render_prompt(language, name, **values)


def test_a_dollar_sign_in_a_value_stays_as_it_is():
    text = prompts.render_prompt(
        "en", "question", passages="$question costs $5", question="$passages {x} %s", no_answer=""
    )
    assert "$question costs $5" in text
    assert "Question: $passages {x} %s" in text


def test_each_language_has_a_fingerprint_of_its_prompts():
    assert prompts.prompt_fingerprint("ar") == prompts.prompt_fingerprint("ar") != prompts.prompt_fingerprint("en")
    assert re.fullmatch(r"[0-9a-f]{12}", prompts.prompt_fingerprint("en"))


# Messages to the reader


def test_both_languages_have_the_same_messages_with_the_same_variables():
    arabic, english = (
        {key: set(re.findall(r"\{\w+\}", text)) for key, text in read_messages(language).items()}
        for language in ("ar", "en")
    )
    assert arabic == english
    assert arabic["source"] == {"{title}"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_is_in_its_language_with_its_values_filled_in(language):
    for key in read_messages(language):
        text = prompts.reader_message(language, key, **VALUES)
        if key != "part":  # which is its value alone
            assert Document(re.sub(r"{y} \$z|dalil ingest|دليل", "", text)).language == language
    assert "{y} $z" in prompts.reader_message(language, "nearest", titles="{y} $z")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_message_or_a_missing_value_is_an_error(language):
    with pytest.raises(KeyError):
        prompts.reader_message(language, "nothing")
    with pytest.raises(KeyError):
        prompts.reader_message(language, "source")
