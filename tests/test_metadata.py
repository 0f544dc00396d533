"""What a writer says of an article beside its text: cleaned where articles are made, whichever way they come."""

import json
import unicodedata

import pytest

from ingest.readers import ReadFailure, format_of_media_type, read_upload
from rag.addresses import web_address
from rag.types import Article


def read(content, media_type="application/json", name="name"):
    (one,) = read_upload(content.encode(), format_of_media_type(media_type), name, 10_000)
    return one


def read_object(**fields):
    one = read(json.dumps({"text": "نص المقال."} | fields))
    assert isinstance(one, Article), one
    return one


def read_front_matter(front):
    one = read(f"---\n{front}\n---\nنص المقال.", "text/markdown")
    assert isinstance(one, Article), one
    return one


# Addresses

WEB = ["http://example.org", "https://example.org/a?b=c#d", "HTTPS://EXAMPLE.ORG/", "https://مثال.إختبار/صفحة"]
NOT_WEB = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://example.org",
    "//example.org",
    "example.org/page",
    "/page",
    "http:",
    "https://",
    "http:/example.org",
    "http://[::1",
    "",
]


@pytest.mark.parametrize("url", WEB)
def test_an_address_of_the_web_is_kept(url):
    assert web_address(url) == read_object(url=url).url == url


@pytest.mark.parametrize("url", NOT_WEB)
def test_any_other_address_is_left_out_and_loses_no_article(url):
    assert web_address(url) is None
    assert read_object(url=url).url is None
    assert read_front_matter(f"url: {json.dumps(url)}").url is None


def test_an_address_is_cleaned():
    assert read_object(url=" https://example.org/a\u202eb c\n").url == "https://example.org/ab%20c"


@pytest.mark.parametrize(
    "link",
    [
        "[كلمة](javascript:alert(1))",
        "[كلمة](<javascript:alert(1)>)",
        "![كلمة](data:text/html,x)",
        "[كلمة][x]\n\n[x]: javascript:alert(1)",
        "[كلمة](http://example.org)",
    ],
)
def test_a_link_of_any_address_in_markdown_is_its_words(link):
    assert read(f"قبل {link}", "text/markdown").text == "قبل كلمة"


# Lines


def test_fields_are_one_composed_line_that_turns_nothing():
    odd = "\u202eأول\x00ثان\r\n\u2066  \u0627\u0654\x1b\u2069\t"
    line = "أول ثان \u0623"
    one = read_object(title=odd, topic=odd, date=odd)
    assert (one.title, one.topic, one.date) == (line, line, line)
    assert unicodedata.is_normalized("NFC", one.title)


@pytest.mark.parametrize(("media_type", "mark"), [("text/plain", ""), ("text/markdown", "# ")])
def test_a_title_from_the_text_is_cleaned_too(media_type, mark):
    assert read(f"{mark}عنوان\u202e  طويل\u2066\n\nنص المقال.", media_type).title == "عنوان طويل"


def test_a_title_is_the_first_line_that_can_be_seen():
    assert read("\u202e\nسطر", "text/plain").title == "سطر"
    assert read_object(title="\u202e\x00").title == "نص المقال."


@pytest.mark.parametrize(
    ("field", "most"), [("topic", "x" * 200), ("date", "x" * 40), ("url", "https://example.org/".ljust(2_000, "x"))]
)
def test_a_field_that_is_too_long_is_left_out_and_loses_no_article(field, most):
    assert getattr(read_object(**{field: most}), field) == most
    assert getattr(read_object(**{field: f"{most}x"}), field) is None


@pytest.mark.parametrize("value", [["a"], {"a": 1}, True, None, "", " \n"])
def test_a_field_of_another_kind_is_left_out_and_loses_no_article(value):
    one = read_object(topic=value, date=value, url=value)
    assert (one.topic, one.date, one.url) == (None, None, None)


def test_numbers_and_dates_are_written_out():
    one = read_object(topic=7, date=2020)
    assert (one.topic, one.date) == ("7", "2020")
    assert read_front_matter("date: 2022-09-22").date == "2022-09-22"
    assert read_front_matter(f"topic: 0x{'1' * 20_000}").topic is None


def test_a_heading_too_long_for_a_title_stays_in_the_text():
    heading = "كلمة " * 100
    one = read(f"# {heading}\n\nنص المقال.", "text/markdown")
    assert one.text == f"{heading.strip()}\n\nنص المقال."
    assert one.title.endswith("…")


def test_the_text_stays_as_it_was_written():
    text = "نص\u202e معكوس\u2066  وأ\u0654"
    assert read_object(text=text).text == text


# Ids


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\nb", "a b"),
        (" a\t", "a"),
        ("a\r\n", "a"),
        ("\x00a\x1bb", "a b"),
        ("a\u202eb\u2069", "ab"),
        ("رحلات/ابن  بطوطة", "رحلات/ابن  بطوطة"),
        ("a/text", "a/text"),
        ("...", "..."),
        ("e\u0301", "e\u0301"),
    ],
)
def test_an_id_can_stand_in_a_path(given, kept):
    assert read_object(id=given).id == kept
    assert read("نص المقال.", "text/plain", given).id == kept


@pytest.mark.parametrize(
    ("name", "reason"), [("..", "holds a step"), ("a/./b", "holds a step"), ("\n\u202e", "no char")]
)
def test_an_id_that_no_path_can_carry_is_refused_with_the_reason(name, reason):
    for failure in (read("نص.", "text/plain", name), read(json.dumps({"text": "نص.", "id": name}))):
        assert isinstance(failure, ReadFailure)
        assert reason in failure.reason
