"""Why something is not read is told in the language of the interface; programs get English and a code."""

import ast
import copy
import json
import re
import string
from contextlib import ExitStack, contextmanager

import pytest

from ingest.reasons import Reason, code_of, reason, reason_of, tell_reason
from rag.errors import ReadError
from rag.language.languages import LANGUAGES
from tests.doubles import local_client
from tests.test_layers import ROOT, TREES, within
from ui.api import AnswerService, create_app
from ui.page.dropped import Problem, Upload
from ui.page.labels import load_labels
from ui.page.library import Library

LINES = {"Content-Type": "application/jsonl"}
TEXTS = {code: json.loads((ROOT / "ingest" / "reasons" / f"{code}.json").read_text("utf-8")) for code in LANGUAGES}
ON_THE_COMMAND_LINE_ALONE = (
    "ingest.web",
    "ingest.connections",
    "ingest.archive",
    "ingest.readers.files",
    "ingest.readers.folders",
)


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def calls(name: str, function: str) -> list[ast.Call]:
    found = [node for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
    return [node for node in found if ast.unparse(node.func).rpartition(".")[2] == function]


READERS = [name for name in TREES if name.startswith("ingest.") and not within(name, ON_THE_COMMAND_LINE_ALONE)]


def test_both_languages_tell_every_reason_with_the_same_values():
    arabic, english = TEXTS.values()
    assert arabic.keys() == english.keys()
    assert [code for code in arabic if fields(arabic[code]) != fields(english[code])] == []
    assert [code for code, text in arabic.items() if not re.search("[ء-ي]", text)] == []


@pytest.mark.parametrize("name", READERS)
def test_what_a_reader_says_can_be_told_in_both_languages(name):
    for function in ("ReadError", "ReadFailure", "ReadWarning", "failure", "warning"):
        for call in calls(name, function):
            said = ast.unparse(call.args[-1])
            assert not re.match("f?['\"]", said), f"{function}({said}): say it by reason(code)"


def test_every_reason_is_given_somewhere_and_every_given_one_is_there():
    source = "".join(
        ast.unparse(tree) for name, tree in TREES.items() if within(name, ("ingest", "rag.language.health"))
    )
    words = set(re.findall(r"'([a-z][a-z_0-9]+)'", source))
    assert {code for code in TEXTS["en"] if code not in words} == set()
    given = {
        node.args[0].value
        for name in READERS
        for node in calls(name, "reason")
        if isinstance(node.args[0], ast.Constant)
    }
    assert given <= TEXTS["en"].keys()


def test_a_reason_is_english_text_with_a_code_and_is_told_in_arabic():
    inner = reason("value_too_long", limit=200)
    whole = reason("bad_id", id="تقرير report.pdf", problem=inner)
    assert whole == "It cannot be called 'تقرير report.pdf': it is longer than 200 characters. Give it another id."
    assert (code_of(whole), code_of(str(whole)), code_of("x")) == ("bad_id", "", "")
    assert tell_reason(whole, "ar") == (
        "لا يصلح «\u2068تقرير report.pdf\u2069» معرّفًا له: أطول من 200 حرف. أعطه معرّفًا آخر."
    )
    assert tell_reason("as it is", "ar") == "as it is"


def test_a_reason_outlives_copies_and_errors():
    why = reason("empty")
    assert code_of(copy.deepcopy(why)) == "empty"
    assert code_of(reason_of(ReadError(why))) == "empty"
    assert reason_of(ReadError("plain")) == "plain"
    assert json.dumps(why) == '"It is empty."'
    assert Reason("x").values == {}


def test_programs_get_english_and_codes(assistant):
    client = local_client(create_app(AnswerService(assistant)))
    lines = '{"text": "نص صحيح", "id": "a", "url": "x"}\n{"id": "b"}\n'.encode()
    upload = client.post("/v1/articles", params={"name": "f", "dry_run": True}, content=lines, headers=LINES).json()
    assert upload["failed"] == {"f:2": "It lacks 'text'."}
    assert upload["codes"] == {"f:1": ["field"], "f:2": ["json_no_text"]}
    refused = client.post("/v1/articles", params={"name": "f"}, content=b'{"id": "b"}', headers=LINES).json()["error"]
    assert (refused["code"], refused["reason"], refused["message"]) == (
        "unreadable_article",
        "json_no_text",
        "f:1: It lacks 'text'.",
    )


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("ar", "الحقل \u2068url\u2069: تُرك، لأنه ليس عنوانًا على الويب."),
        ("en", "\u2068url\u2069: left out, since it is no address of the web."),
    ],
)
def test_the_page_tells_reasons_in_its_language(assistant, tmp_path, language, told):
    library = Library(AnswerService(assistant), language, tmp_path)
    file = tmp_path / "sent"
    file.write_text("---\ntitle: ع\nurl: x\n---\nنص المقال.", "utf-8")
    html, _ = library.plan([Upload("a.md", file)], [Problem("b.pdf", "")])
    shown = re.sub("<[^>]+>", "", html)
    assert told in shown
    file.write_bytes(b"%PDF-1.4 broken")
    html, _ = library.plan([Upload("b.pdf", file)], [])
    assert tell_reason(reason("pdf_damaged"), language) in re.sub("<[^>]+>", "", html)
    assert ('dir="rtl">' in html) == (language == "ar")
    file.write_bytes("نص".encode())
    with assistant_is_busy(library):
        html, _ = library.plan([Upload("a.txt", file)], [])
    assert load_labels(language)["change_busy"] in html


@contextmanager
def assistant_is_busy(library):
    """All places for uploads taken."""
    with ExitStack() as places:
        limiter = library.service.upload_limiter
        for _ in range(limiter.limit):
            places.enter_context(limiter.place())
        yield
