"""Saved web pages: ten whole ones, and each thing that goes wrong in them alone."""

import json
import time

import pytest

from eval.extract import measure_extraction, summarize_extractions
from ingest.readers import ReadFailure, format_of_media_type, read_upload
from rag.errors import InputError
from tests.web_pages import build_pages

MAX_CHARS = 100_000
PAGE = format_of_media_type("text/html")
HOSTILE_PAGES = {
    "paragraphs": ("", "<p>x"),
    "blocks": ("", "<div>x</div>"),
    "lists with links": ("", "<ul><li><a>x</a></ul>y"),
    "menus": ("", "<div><a>x</a><a>x</a><a>x</a></div>"),
    "rows": ("<table>", "<tr><td>x<td>y"),
    "cells": ("<table><tr>", "<td>x"),
    "links in links": ("", "<a href=x>y"),
    "misnested": ("", "<a><b><p>"),
    "headings": ("<title>x</title>", "<h1>x</h1>"),
    "meta": ("", "<meta name=a content=b>"),
    "data": ("", '<script type="application/ld+json">{}</script>'),
    "spaces": ("<p>", "&nbsp;"),
    "lines": ("<pre>", " \n"),
    "attributes": ("<div ", "a=b "),
    "comments": ("", "<!--x-->"),
    "formatting": ("".join(f"<b id={number}>" for number in range(200)), "<p>x"),
}
PARAGRAPH = "<p>هذه فقرة طويلة من المقال، وفيها ما يكفي من الكلام.</p>"


def read_page(content):
    one, *_ = read_upload(content if isinstance(content, bytes) else content.encode(), PAGE, "a", MAX_CHARS)
    return one


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    (folder / "truth").mkdir()
    for page in build_pages():
        (folder / f"{page.name}.html").write_bytes(page.content)
        (folder / "truth" / f"{page.name}.json").write_text(json.dumps({"title": page.title, "text": page.text}))
    return measure_extraction(folder, folder / "truth", MAX_CHARS)


def test_of_each_page_the_article_is_read_and_little_else(measured):
    found, unknown = measured
    assert (len(found), unknown) == (10, [])
    assert [one for one in found if min(one.recall, one.precision) < 0.95 or one.character_error > 0.05] == []
    ((name, means),) = summarize_extractions(found)
    assert (name, means["files"], means["failed"]) == ("web page", 10, 0)


@pytest.mark.parametrize("page", build_pages(), ids=lambda page: page.name)
def test_the_title_is_the_article_s_and_not_the_site_s(page):
    assert read_page(page.content).title == page.title


def test_date_and_address_are_those_of_the_metadata():
    pages = {page.name: read_page(page.content) for page in build_pages()}
    assert (pages["news"].url, pages["news"].date) == ("https://example.org/news/1", "2024-05-02")
    assert (pages["government"].date, pages["blog"].date, pages["notice"].date) == ("2023-11-05", "2021-02-14", None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("٢٥ مارس ٢٠٢٤", "2024-03-25"),
        ("الجمعة، 5 يوليو 2024 - 10:30 ص", "2024-07-05"),
        ("15 رمضان 1445 هـ", "2024-03-25"),
        ("١٥ رمضان ١٤٤٥ هـ الموافق ٢٥ مارس ٢٠٢٤", "2024-03-25"),
        ("الأربعاء 5 ذو الحجة 1445", "2024-06-11"),
        ("1445-09-15", "2024-03-25"),
        ("١٤٤٥/٩/١٥", "2024-03-25"),
        ("Mon, 25 Mar 2024 10:00:00 GMT", "2024-03-25"),
        ("March 25, 2024", "2024-03-25"),
        ("2024-03-25T09:30:00+03:00", "2024-03-25"),
        ("25/03/2024", "2024-03-25"),
        ("03/25/2024", "2024-03-25"),
        ("مارس 2024", "2024-03"),
        ("2024", "2024"),
        ("03/04/2024", "2024-04-03"),
        ("رمضان 1445", "رمضان 1445"),  # parts of two months
        ("30 فبراير 2024", "30 فبراير 2024"),
        ("أمس", "أمس"),
    ],
)
def test_a_date_of_either_calendar_is_stored_as_iso(written, expected):
    assert read_page(f'<meta name="date" content="{written}">{PARAGRAPH}').date == expected


def test_a_row_is_a_line_whatever_its_cells_hold():
    row = "<tr><td><p>الاسم</p><p>واللقب</p></td><td></td><td>٣<br>٤</td></tr>"
    text = read_page(f"<body>{PARAGRAPH}<table>{row}<tr><td>أ<td>ب</table></body>").text
    assert text.endswith("\n\nالاسم واللقب | | ٣ ٤\nأ | ب")


def test_a_list_near_the_body_is_kept_and_a_menu_is_not():
    menu = "<ul>" + "".join(f'<li><a href="/">{word}</a></li>' for word in ("أخبار", "رياضة", "طقس")) + "</ul>"
    text = read_page(f"<body>{menu}{PARAGRAPH}<ul><li>أول<li>ثان <a href='/'>رابط</a></ul></body>").text
    assert text.endswith("الكلام.\n• أول\n• ثان رابط")
    assert "طقس" not in text


def test_a_page_of_links_alone_is_read_as_it_is():
    links = "".join(f'<li><a href="/">الفصل {word}</a></li>' for word in ("الأول", "الثاني", "الثالث"))
    assert read_page(f"<body><ul>{links}</ul></body>").text == "• الفصل الأول\n• الفصل الثاني\n• الفصل الثالث"


@pytest.mark.parametrize("encoding", ["cp1256", "iso-8859-6", "utf-8", "utf-16"])
@pytest.mark.parametrize(
    "declared", ["", '<meta charset="iso-8859-1">', '<meta charset="utf-8">', '<meta charset="x">']
)
def test_a_page_is_read_in_the_encoding_that_it_is_in(encoding, declared):
    words = "في البحر سمك كثير من كل لون، وعلى الشاطئ رمل وصدف."
    assert read_page(f"{declared}<p>{words}</p>".encode(encoding)).text == words


def test_a_damaged_byte_loses_one_letter_alone():
    content = f"<p>{'في البحر سمك كثير. ' * 20}</p>".encode()
    assert read_page(content[:50] + b"\xff" + content[50:]).text.count("البحر") >= 19


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"\0", b"<html><body></body></html>", b"<frameset><frame></frameset>"]
)
def test_a_page_without_words_is_a_failure(content):
    assert isinstance(read_page(content), ReadFailure)


def test_a_page_nested_without_end_is_a_failure():
    assert read_page(b"<div>" * 100_000 + b"x").reason == "It is nested too deeply to be read."


def test_a_page_of_parts_without_end_is_a_failure():
    assert "too many parts" in read_page("<br>" * 300_000 + "x").reason
    assert "too many choices" in read_page("<select>" + "<OPTION>x" * 100_000).reason


@pytest.mark.parametrize("name", HOSTILE_PAGES)
def test_a_page_that_was_made_to_be_slow_is_read_in_time_that_grows_as_it_does(name):
    before, piece = HOSTILE_PAGES[name]
    seconds = []
    for pieces in (200, 2_000):
        started = time.process_time()
        assert read_page(before + piece * pieces + PARAGRAPH) is not None
        seconds.append(time.process_time() - started)
    assert seconds[1] < 30 * max(seconds[0], 0.05)


def test_without_a_truth_nothing_is_measured(tmp_path):
    with pytest.raises(InputError, match="holds no truth"):
        measure_extraction(tmp_path, tmp_path, MAX_CHARS)


def test_reading_is_measured_by_hand_counted_shares(tmp_path):
    truth = tmp_path / "truth"
    truth.mkdir()
    (truth / "a.json").write_text(json.dumps({"title": "عنوان", "text": "عنوان\nكَتَبَ ١٢ رسالة و-5 كتب"}))
    (tmp_path / "a.md").write_text("# عنوان\n\nكتب 12 رسالة و-5 ورق")
    (tmp_path / "other.txt").write_text("شيء لا صلة له")
    ((one,), unknown) = measure_extraction(tmp_path, truth, MAX_CHARS)
    assert unknown == ["other.txt"]
    assert (one.recall, one.precision) == (6 / 7, 6 / 7)
    assert one.character_error == (3 + 3) / len("عنوان كَتَبَ 12 رسالة و-5 كتب")
