import json
import re
import time

import pytest

from ingest.pdf.child import StepError, run_step
from ingest.pdf.columns import Box, part_columns
from ingest.pdf.extract import extract_text
from ingest.pdf.pages import Line, drop_running_heads
from ingest.pdf.paragraphs import join_paragraphs
from ingest.readers import ReadFailure, format_of_media_type, read_upload
from ingest.readers.base import Source, make_article
from ingest.readers.metadata import ArticleFields
from ingest.reasons import code_of
from rag.errors import ReadError
from rag.language.arabic.text_layers import pair_brackets, repair_cell, repair_line, repair_plain_line
from rag.language.health import reverse_line
from rag.types import Page
from tests.pdf_files import make_pdf, right_aligned

PDF = format_of_media_type("application/pdf")
FIRST = "افتتحت جامعة الفرات مختبر الكيمياء في المدينة القديمة قبل أعوام"
SECOND = "وبلغت كلفة المختبر أربعة ملايين دينار دفعتها الجامعة من ميزانيتها."
OTHER = "وصار المختبر اليوم مفتوحا أمام الطلاب والباحثين من كل المدن."


def arabic(y, text, right=540, size=12):
    """A line as a PDF draws it: numbers from left to right, all else from right to left."""
    return right_aligned(right, y, size, re.sub(r"[0-9٠-٩]+", lambda number: number[0][::-1], text))


def read(content):
    (one,) = read_upload(content, PDF, "name", 100_000)
    return one


def lines(*texts, size=12.0, first=700, gap=16):
    return [Line(text, first - gap * at, size) for at, text in enumerate(texts)]


# Whole files


def test_the_lines_of_a_paragraph_are_one_line_in_reading_order():
    assert read(make_pdf([[arabic(700, FIRST), arabic(684, SECOND)]])).text == f"{FIRST} {SECOND}"


def test_paragraphs_set_apart_stay_apart():
    found = read(make_pdf([[arabic(700, FIRST), arabic(684, SECOND), arabic(640, OTHER), arabic(624, FIRST)]]))
    assert found.text == f"{FIRST} {SECOND}\n\n{OTHER}\n\n{FIRST}" or found.text.startswith(
        f"{FIRST} {SECOND}\n\n{OTHER}"
    )


def test_the_title_is_what_the_first_page_has_in_its_largest_letters():
    wrapped = [arabic(800, "مجلة دليل", size=9), arabic(760, FIRST, size=18), arabic(738, "في سطرين", size=18)]
    assert read(make_pdf([[*wrapped, arabic(700, SECOND), arabic(684, OTHER)]])).title == f"{FIRST} في سطرين"
    plain = read(make_pdf([[arabic(700, FIRST), arabic(684, SECOND)]]))
    assert plain.title.startswith(FIRST)


def test_a_title_of_two_lines_is_one_paragraph():
    text, _ = join_paragraphs(
        [[*lines("عنوان طويل جدا يمتد إلى سطر", "ثان", size=18, gap=22), *lines(FIRST, first=640)]]
    )
    assert text.split("\n\n") == ["عنوان طويل جدا يمتد إلى سطر ثان", FIRST]


def test_running_heads_and_page_numbers_are_no_text():
    def page(number, text):
        return [arabic(800, "مجلة دليل", size=9), arabic(700, text), arabic(30, f"صفحة {number}", 300, 9)]

    found = read(make_pdf([page(1, FIRST + "."), page(2, SECOND), page(3, OTHER)]))
    assert found.text == f"{FIRST}.\n\n{SECOND}\n\n{OTHER}"


def test_each_page_has_its_place_in_the_text():
    found = extract_text(make_pdf([[arabic(700, SECOND)], [arabic(700, OTHER)]]), 1000)
    assert [found.text[start:][:6] for start in found.page_starts] == [SECOND[:6], OTHER[:6]]


def read_pages(article):
    """What stands on each page, and how the page is called."""
    ends = [*article.pages.starts[1:], len(article.text)]
    parts = [article.text[start:end].strip() for start, end in zip(article.pages.starts, ends, strict=True)]
    return list(zip(article.pages.labels or [None] * len(parts), parts, strict=True))


def test_an_article_keeps_the_pages_of_its_file():
    def page(number, text):
        return [arabic(800, "مجلة دليل", size=9), arabic(700, text), arabic(30, f"صفحة {number}", 300, 9)]

    found = read(make_pdf([page(1, FIRST + "."), page(2, SECOND), [], page(4, OTHER)]))
    assert read_pages(found) == [(None, FIRST + "."), (None, SECOND), (None, ""), (None, OTHER)]
    numbers = [found.pages.find_page(found.text.index(text)).number for text in (FIRST, SECOND, OTHER)]
    assert numbers == [1, 2, 4]
    assert found.pages.find_page(len(found.text) - 1) == Page(4)


def test_a_page_that_begins_within_a_paragraph_begins_at_its_word():
    assert read_pages(read(make_pdf([[arabic(700, FIRST)], [arabic(700, SECOND)]]))) == [(None, FIRST), (None, SECOND)]


def test_pages_are_called_as_the_file_calls_them():
    pages = [[arabic(700, text)] for text in (FIRST, SECOND, OTHER)]
    named = read(make_pdf(pages, labels="0 << /S /r >> 2 << /S /D /P (A-) /St 7 >>"))
    assert named.pages.labels == ("i", "ii", "A-7")
    assert named.pages.find_page(named.text.index(OTHER)) == Page(3, "A-7")
    assert named.revision != read(make_pdf(pages)).revision
    assert read(make_pdf(pages, labels="0 << /S /D >>")).pages.labels == ()
    odd = read(make_pdf(pages, labels=f"0 << /P <{('﻿ص' + chr(7) + 'ط' * 50).encode('utf-16-be').hex()}> >>"))
    assert odd.pages.labels[0] == "ص " + "ط" * 18


def test_pages_of_a_text_that_is_put_right_begin_where_they_do_in_what_is_stored():
    texts = [f"{FIRST} {SECOND}\n\n", f"{OTHER} {FIRST} ", f"{SECOND}"]
    turned = [reverse_line(text.strip()) + text[len(text.strip()) :] for text in texts]
    source = Source("o", "name", "p", 10_000)
    decoded = [text.encode("cp1256").decode("cp1252") for text in texts]
    for parts in (turned, decoded, ["\r\n \n" + texts[0], *texts[1:]]):
        article, *_ = make_article(ArticleFields(), parts, source)
        assert article.text == "".join(texts)
        assert [part for _, part in read_pages(article)] == [text.strip() for text in texts]


def test_the_column_that_is_drawn_first_is_read_first():
    right = [f"{FIRST[:30]} {number}" for number in range(10, 18)]
    left = [f"{OTHER[:30]} {number}" for number in range(20, 28)]
    drawn = [arabic(700 - 15 * at, text, 540) for at, text in enumerate(right)]
    drawn += [arabic(700 - 15 * at, text, 280) for at, text in enumerate(left)]
    text = read(make_pdf([drawn])).text
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    assert numbers == [*range(10, 18), *range(20, 28)]


def test_an_encrypted_file_asks_for_its_password(monkeypatch):
    content = make_pdf([[(50, 700, 12, "The laboratory was opened in 2011.")]], password="open")
    assert "DALIL_PDF_PASSWORD" in read(content).reason
    monkeypatch.setenv("DALIL_PDF_PASSWORD", "wrong")
    assert "is not its password" in read(content).reason
    monkeypatch.setenv("DALIL_PDF_PASSWORD", "open")
    assert read(content).text == "The laboratory was opened in 2011."


def test_a_file_without_words_or_no_pdf_is_a_failure():
    assert read(make_pdf([[]])).reason == "It holds no words."
    assert read(b"").reason == "It is empty."
    assert "damaged" in read(b"%PDF-1.4\nnothing").reason


def test_a_scan_is_told_from_an_empty_file(monkeypatch):
    picture = (
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>"
    )
    content = make_pdf([[]]).replace(b"/Font <<", b"/XObject << /I 99 0 R >> /Font <<")
    drawn = content.replace(b"<< /Length 0 >>\nstream\n", b"<< /Length 30 >>\nstream\nq 500 0 0 700 40 40 cm /I Do Q")
    scan = drawn.replace(b"xref\n", b"99 0 obj\n" + picture + b"\nstream\n\x00\nendstream\nendobj\nxref\n", 1)
    assert "pictures of its pages" in read(scan).reason


def test_letters_that_the_font_names_wrongly_are_refused():
    shuffled = dict(zip("ابتجحدرسعفقكلمنهوي", "فحلىكذوزأرآسجاإؤغص", strict=True))
    page = [arabic(700 - 16 * at, text) for at, text in enumerate((FIRST, SECOND, OTHER, FIRST))]
    assert isinstance(read(make_pdf([page])), ReadFailure) is False
    assert "fonts" in read(make_pdf([page], shuffled)).reason


def test_more_text_than_an_article_may_have_is_refused():
    (failure,) = read_upload(make_pdf([[arabic(700, FIRST)]]), PDF, "name", 20)
    assert "DALIL_MAX_ARTICLE_CHARS" in failure.reason


# Hostile files


def test_pages_that_contain_themselves_end_in_a_failure_in_time():
    content = make_pdf([[arabic(700, FIRST)]]).replace(b"/Kids [3 0 R] /Count 1", b"/Kids [2 0 R] /Count 9")
    started = time.monotonic()
    assert isinstance(read(content), ReadFailure)
    assert time.monotonic() - started < 30


def test_a_file_without_its_table_of_objects_is_read_or_refused():
    content = make_pdf([[arabic(700, FIRST)]])
    found = read(content[: content.index(b"xref")])
    assert getattr(found, "text", FIRST) == FIRST


def test_a_step_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(StepError):
        run_step("read", {"path": str(tmp_path / "none.pdf")}, 0.001)
    with pytest.raises(ReadError, match="too much time"):
        extract_text(make_pdf([[arabic(700, FIRST)]]), 1000, seconds=0.01)


def test_pdfium_stands_in_where_the_other_engine_fails(monkeypatch):
    from ingest.pdf import extract

    run = extract.run_step

    def fail_to_read(step, values, seconds):
        if step == "read":
            raise StepError(step)
        return run(step, values, seconds)

    monkeypatch.setattr(extract, "run_step", fail_to_read)
    assert (
        extract_text(make_pdf([[(50, 700, 12, "The laboratory was opened.")]]), 1000).text
        == "The laboratory was opened."
    )


# Parts


def test_one_column_has_no_gutter_and_two_have_one():
    one = [Box(60, y, 540, y + 10) for y in range(100, 700, 16)]
    two = [box for y in range(100, 700, 16) for box in (Box(310, y, 540, y + 10), Box(60, y, 290, y + 10))]
    assert part_columns(one) == [None]
    assert part_columns(two) == [frozenset(range(0, len(two), 2)), frozenset(range(1, len(two), 2))]


def test_a_table_is_no_page_in_columns():
    cells = [box for y in range(100, 700, 16) for box in (Box(480, y, 540, y + 10), Box(60, y, 100, y + 10))]
    assert part_columns(cells) == [None]


def test_only_what_returns_on_most_pages_is_a_running_head():
    pages = [[*lines(f"مجلة {number}"), *lines(f"نص {name}", first=600)] for number, name in enumerate("أبتث", 1)]
    assert [[line.text for line in page] for page in drop_running_heads(pages)] == [[f"نص {name}"] for name in "أبتث"]
    assert drop_running_heads([lines("عنوان", "نص")]) == [lines("عنوان", "نص")]


def test_a_short_line_and_a_list_end_a_paragraph():
    page = lines(
        "سطر طويل جدا من النص هنا", "قصير.", "سطر طويل جدا من النص هنا", "1. أول البنود في القائمة", "2. ثاني البنود"
    )
    text, _ = join_paragraphs([page])
    assert text.split("\n\n") == [
        "سطر طويل جدا من النص هنا قصير.",
        "سطر طويل جدا من النص هنا",
        "1. أول البنود في القائمة",
        "2. ثاني البنود",
    ]


@pytest.mark.parametrize(
    ("found", "right"),
    [
        ("راكباًبمناسبة", "راكباً بمناسبة"),
        ("كتابًا", "كتابًا"),
        ("شارعٌقديم", "شارعٌ قديم"),
        ("ﻣﺪﺭﺳﺔ", "مدرسة"),
        ("والبريد .info@example.org", "والبريد info@example.org."),
        ("ً", ""),
        ("ال\ufffdخير", "الخير"),
    ],
)
def test_a_line_is_put_right(found, right):
    assert repair_line(found) == right


def test_numbers_keep_their_signs():
    assert [repair_cell(cell) for cell in ("5-", "-5", "5-6", "% Change")] == ["-5", "-5", "5-6", "Change %"]
    assert repair_plain_line("في عام ،٢٠٢٤ بنسبة .٪٢١") == "في عام ٢٠٢٤، بنسبة ٢١٪."


def test_brackets_that_are_named_by_their_shape_are_mirrored():
    assert pair_brackets(["قال »نعم« )ص. ٣(", "نص"]) == ["قال «نعم» (ص. ٣)", "نص"]
    assert pair_brackets(["قال «نعم» (ص. ٣)"]) == ["قال «نعم» (ص. ٣)"]


def test_steps_answer_in_json(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(make_pdf([[arabic(700, FIRST)]]))
    values = {"path": str(path), "copy": str(tmp_path / "b.pdf"), "max_chars": 1000}
    assert json.loads(json.dumps(run_step("prepare", values, 30)))["parts"] == [[0, True]]


SENTENCES = (
    "تعرض الشركة في هذا التقرير حصيلة عملها في المدينة خلال العام الماضي كله.",
    "وهو العام التاسع عشر منذ تأسيسها في المدينة القديمة على ضفة النهر.",
    "وقالت رئيسة مجلس الإدارة إن الراكب كان يسأل متى تأتي الحافلة التالية.",
)


def backwards(y, text):
    """A line as a tool draws it that knows no Arabic: from left to right, as it is stored."""
    return (60, y, 12, text)


def names_of(encoding):
    """A font that names its letters in another encoding than they are in."""
    return {char: char.encode("cp1256").decode(encoding) for char in set("".join(SENTENCES)) if char.isalpha()}


@pytest.mark.parametrize(
    "content",
    [
        make_pdf([[backwards(700 - 20 * at, text) for at, text in enumerate(SENTENCES)]]),
        make_pdf([[arabic(700 - 20 * at, text) for at, text in enumerate(SENTENCES)]], names=names_of("latin-1")),
    ],
)
def test_text_that_is_put_right_is_told_and_keeps_the_order_of_its_lines(content):
    one, warning = read_upload(content, PDF, "name", 100_000)
    assert " ".join(one.text.split()) == " ".join(SENTENCES)
    assert (one.health, code_of(warning.reason)) == ("mended", "mended")


def test_a_page_that_runs_backwards_is_put_right_between_others():
    good = [arabic(760 - 20 * at, text) for at, text in enumerate(SENTENCES * 6)]
    content = make_pdf([good, [backwards(700 - 20 * at, text) for at, text in enumerate(SENTENCES)], good])
    one, warning = read_upload(content, PDF, "name", 100_000)
    second = one.text[slice(*one.pages.starts[1:])]
    assert " ".join(second.split()) == " ".join(SENTENCES)
    assert (one.health, code_of(warning.reason)) == ("mended", "mended")
