"""Text in other encodings than UTF-8: told apart by what it looks like, read, and warned of."""

import json
from pathlib import Path

import pytest

from ingest.readers import ReadFailure, ReadWarning, format_of_media_type, read_upload
from ingest.readers.decoding import guess_encoding
from rag.types import Article

ARABIC = "تقع القرية على ضفة النهر، ويعمل أهلها في الزراعة وصيد السمك منذ مئات السنين."
ENGLISH = "The minister said “we won’t stop” – and left. The café is open."
NAMES = {"cp1256": "Windows-1256", "iso8859_6": "ISO-8859-6", "mac_arabic": "MacArabic", "cp1252": "Windows-1252"}
ARTICLES = sorted((Path(__file__).parent.parent / "articles").glob("*.md"))
PIECE_CHARS = 60


def read(content, media_type="text/plain"):
    return list(read_upload(content, format_of_media_type(media_type), "name", 10_000))


@pytest.mark.parametrize("encoding", ["cp1256", "iso8859_6", "mac_arabic"])
@pytest.mark.parametrize("media_type", ["text/plain", "text/markdown"])
def test_arabic_in_an_older_encoding_is_read_and_told(encoding, media_type):
    article, warning = read(f"{ARABIC} 1950.".encode(encoding), media_type)
    assert article.text.replace("\xa0", " ") == f"{ARABIC} 1950."
    assert warning.path == "name"
    assert "is not UTF-8" in warning.reason


@pytest.mark.parametrize(("text", "encoding"), [(ARABIC, "cp1256"), (ARABIC, "iso8859_6"), (ENGLISH, "cp1252")])
def test_the_encoding_is_named(text, encoding):
    _, warning = read(text.encode(encoding))
    assert NAMES[encoding] in warning.reason


def test_mac_arabic_is_known_by_its_own_signs():
    text = f"{ARABIC} النسبة ٪ و٣٤"
    assert guess_encoding(text.encode("mac_arabic")) == "mac_arabic"


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.stem)
def test_short_pieces_of_the_articles_are_told_apart(path):
    body = path.read_text("utf-8").split("---")[2]
    pieces = [body[at : at + PIECE_CHARS] for at in range(0, len(body), 10 * PIECE_CHARS)]
    for encoding in ("cp1256", "iso8859_6"):
        contents = [piece.encode(encoding, "ignore") for piece in pieces]
        contents = [content for content in contents if sum(byte > 127 for byte in content) > PIECE_CHARS / 2]
        right = [content.decode(guess_encoding(content) or "ascii", "replace") for content in contents]
        assert right == [content.decode(encoding) for content in contents]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Всякий человек имеет право на образование", "cp1251"),
        ("Κάθε άνθρωπος έχει δικαίωμα στην εκπαίδευση", "cp1253"),
        ("כל אדם זכאי לחינוך חינם לפחות בשלבים", "cp1255"),
        ("人人都有受教育的权利教育应当免费", "gb18030"),
    ],
)
def test_other_scripts_are_refused_and_not_spoiled(text, encoding):
    (failure,) = read(text.encode(encoding))
    assert isinstance(failure, ReadFailure)
    assert "Save it as UTF-8." in failure.reason


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("text", [ARABIC, "A text in plain English words. It is short."])
def test_unicode_is_read_in_all_its_encodings_and_nothing_is_said(text, encoding):
    (article,) = read(text.encode(encoding))
    assert article.text == text


@pytest.mark.parametrize("mark", ["utf-16-be", "utf-32-be", "utf-16-le", "utf-32-le"])
def test_a_byte_order_mark_tells_the_order(mark):
    (article,) = read(f"\ufeff{ARABIC}".encode(mark))
    assert article.text == ARABIC


@pytest.mark.parametrize("damage", [b"\xff", b"\xd8"])
def test_a_damaged_byte_of_utf_8_is_replaced_and_told(damage):
    content = ARABIC.encode() + b"\n" + damage + ARABIC.encode()
    article, warning = read(content)
    assert article.text == f"{ARABIC}\n\ufffd{ARABIC}"
    assert isinstance(warning, ReadWarning)
    assert "1 damaged character" in warning.reason
    assert "line 2" in warning.reason


def test_text_cut_within_a_character_is_utf_8():
    article, _ = read(ARABIC.encode()[:-2])
    assert article.text == ARABIC[:-2] + "\ufffd"


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1", bytes(range(1, 256)) * 4, b"\0" * 50])
def test_what_is_no_text_is_refused(content):
    (failure,) = read(content)
    assert isinstance(failure, ReadFailure)


@pytest.mark.parametrize("encoding", ["cp1256", "iso8859_6", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("media_type", ["application/json", "application/jsonl"])
def test_json_lines_in_another_encoding_are_read_and_told_once(encoding, media_type):
    lines = [json.dumps({"text": f"{ARABIC} {number}"}, ensure_ascii=False) for number in range(3)]
    found = read("\n".join(lines).encode(encoding), media_type)
    assert [one.text for one in found if isinstance(one, Article)] == [f"{ARABIC} {number}" for number in range(3)]
    assert len([one for one in found if isinstance(one, ReadWarning)]) == (not encoding.startswith("utf"))


def test_a_damaged_line_of_json_is_told_by_its_number():
    content = b"\n".join([json.dumps({"text": ARABIC}, ensure_ascii=False).encode()] * 3).replace(
        b"\xd8\xb6", b"\xd8", 1
    )
    *_, warning = sorted(read(content, "application/jsonl"), key=lambda one: isinstance(one, ReadWarning))
    assert warning.path == "name:1"
