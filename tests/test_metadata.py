"""What a writer says of an article beside its text: cleaned where articles are made, whichever way they come."""

import json
import unicodedata

import pytest

from ingest.readers import ReadFailure, ReadWarning, format_of_media_type, read_upload
from rag.addresses import web_address
from rag.types import Article


def read(content, media_type="application/json", name="name"):
    one, *warnings = read_upload(content.encode(), format_of_media_type(media_type), name, 10_000)
    assert all(isinstance(warning, ReadWarning) for warning in warnings)
    return one


def read_warnings(front):
    """What is warned of in front matter."""
    _, *warnings = read_upload(f"---\n{front}\n---\nنص.".encode(), format_of_media_type("text/markdown"), "a", 10_000)
    return [warning.reason for warning in warnings]


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


@pytest.mark.parametrize("value", [[["a"]], {"a": 1}, True, None, "", " \n"])
def test_a_field_of_another_kind_is_left_out_and_loses_no_article(value):
    one = read_object(topic=value, date=value, url=value)
    assert (one.topic, one.date, one.url) == (None, None, None)


def test_numbers_and_dates_are_written_out():
    one = read_object(topic=7, date=2020)
    assert (one.topic, one.date) == ("7", "2020")
    assert read_front_matter("date: 2022-09-22").date == "2022-09-22"
    assert read_front_matter("topic: no\nid: 007\ndate: 2022-02-30").topic == "no"


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
def test_a_name_that_no_path_can_carry_is_refused_with_the_reason(name, reason):
    failure = read("نص.", "text/plain", name)
    assert isinstance(failure, ReadFailure)
    assert reason in failure.reason


@pytest.mark.parametrize("value", ["..", "a/./b", "\n\u202e", "x" * 201, {"a": 1}, True])
def test_an_id_that_no_path_can_carry_is_left_out_and_loses_no_article(value):
    article, warning = read_upload(
        json.dumps({"text": "نص.", "id": value}).encode(), format_of_media_type("application/json"), "name", 10_000
    )
    assert article.id == "name"
    assert warning.path == "name"
    assert warning.reason.startswith("id: left out, since it ")


# What is mended or left out


@pytest.mark.parametrize("value", ["ar", "AR", "ar-SA", "ar_EG", "Arabic", "العربية", "ara"])
def test_a_language_is_known_by_its_codes_and_names(value):
    assert read_object(text="The sea is wide.", language=value).language == "ar"


def test_a_language_that_is_not_known_is_that_of_the_text():
    assert read_object(language="fa").language == "ar"
    assert read_warnings("language: fa") == ["language: left out, since Dalil knows no language 'fa'."]


def test_the_first_of_a_list_is_kept():
    assert read_object(topic=["ماء", "بحر"], title=["عنوان"]).topic == "ماء"
    assert read_warnings("topic: [ماء, بحر]") == ["topic: only the first of 2 is kept."]
    assert read_warnings("topic: [ماء]") == []


def test_a_long_title_is_cut_at_a_word():
    title = read_object(title="كلمة " * 100).title
    assert title == " ".join(["كلمة"] * 59) + "…"
    assert read_warnings(f"title: {'x' * 301}") == ["title: cut, since it is longer than 300 characters."]


@pytest.mark.parametrize("field", ["id", "title", "language", "url", "date", "topic"])
@pytest.mark.parametrize("value", [None, "", " ", [], {}])
def test_an_empty_field_is_absent_and_nothing_is_said_of_it(field, value):
    content = json.dumps({"text": "نص المقال.", field: value}).encode()
    (article,) = read_upload(content, format_of_media_type("application/json"), "name", 10_000)
    assert (article.id, article.title, article.language) == ("name", "نص المقال.", "ar")


def test_each_problem_is_told():
    reasons = read_warnings("language: fa\nurl: example.org\ntopic: {a: b}")
    assert [reason.partition(":")[0] for reason in reasons] == ["language", "url", "topic"]
