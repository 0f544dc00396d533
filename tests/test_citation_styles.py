"""References in several styles, and an answer as a Word document."""

import re
from dataclasses import replace
from io import BytesIO

import pytest
import rispy
from docx import Document

from rag.types import Answer, AnswerSpan, Citation, DirectAnswer, Page
from ui.page.citation_styles import ArticleDetails, format_bibtex, format_ris, format_styles
from ui.page.labels import load_labels
from ui.page.storage import Turn
from ui.page.turns import format_reference
from ui.page.word import to_word

URL = "https://example.org/a_b?c=1%20&d=#z"
CITATION = Citation(
    1, "rail/1", "قطار الحجاز", URL, 4, 19, "وصل سنة 1908\nميلادية", "verbatim", 1.0, Page(3), section=("مراحله",)
)
ABOUT = ArticleDetails("2024-05-01", "نقل وتاريخ")


def test_a_reference_is_plain_bibtex_and_ris():
    styles = format_styles(CITATION, ABOUT, "ar")
    assert list(styles) == ["plain", "bibtex", "ris"]
    assert styles["plain"] == format_reference(CITATION, "ar")
    for name in ("bibtex", "ris"):
        assert all(
            words in styles[name] for words in ("قطار الحجاز", "«وصل سنة 1908 ميلادية»", "2024", URL, "نقل وتاريخ")
        )


def test_bibtex_takes_nothing_of_a_title_for_a_command():
    title = r"50% {of} A&B #1 $2 x_y \input{/etc/passwd} ~^"
    entry = format_bibtex(replace(CITATION, title=title, article_id="a b/{c}"), ABOUT)
    (key,) = re.findall(r"@misc\{(.*),", entry)
    assert key == "a-b-c"
    (written,) = re.findall(r"  title = \{(.*)\},", entry)
    commands = r"50\% \{of\} A\&B \#1 \$2 x\_y \textbackslash{}input\{/etc/passwd\} \textasciitilde{}\textasciicircum{}"
    assert written == commands
    assert f"  url = {{{URL}}}," in entry
    assert "%7D" in format_bibtex(replace(CITATION, url="https://example.org/}x"), ABOUT)


@pytest.mark.parametrize("url", ["javascript:alert(1)", None])
def test_a_reference_has_no_address_that_is_none_of_the_web(url):
    for style in format_styles(replace(CITATION, url=url), ABOUT, "en").values():
        assert "alert" not in style
        assert not re.search(r"^UR|url", style, re.MULTILINE)


def test_ris_is_read_back_as_it_was():
    (record,) = rispy.loads(format_ris(CITATION, ABOUT))
    assert (record["title"], record["year"], record["start_page"]) == ("قطار الحجاز", "2024", "3")
    assert (record["urls"], record["keywords"]) == ([URL], ["نقل وتاريخ"])
    assert record["notes"] == ["«وصل سنة 1908 ميلادية»"]


def test_a_year_of_another_form_is_not_guessed():
    assert "year" not in format_bibtex(CITATION, ArticleDetails("رجب 1327"))
    assert "PY" not in format_ris(CITATION, ArticleDetails(None))


DIRECT = DirectAnswer("1908", (AnswerSpan(1, 8, 16),))
TEXT = "1908 [1]\n\nAccording to “قطار الحجاز”:\n\n«وصل سنة 1908 ميلادية» [1]"
ANSWER = Answer("7", TEXT, "en", False, None, "extractive", False, (CITATION,), answer=DIRECT, confidence=0.9)


def paragraphs(turn):
    return Document(BytesIO(to_word(turn, load_labels("en")))).paragraphs


def test_an_answer_is_saved_as_word_with_its_evidence_each_in_its_direction():
    found = paragraphs(Turn(question="When did it arrive?", answer=ANSWER))
    texts = [one.text for one in found]
    assert texts[:4] == ["When did it arrive?", *TEXT.split("\n\n")]
    assert texts[4] == load_labels("en")["sources"]
    assert "قطار الحجاز" in texts[5]
    assert texts[6] == "«وصل سنة 1908 ميلادية»"
    is_rtl = ["w:bidi" in one._p.xml for one in found]
    assert is_rtl[:4] == [False, False, False, True]
    assert is_rtl[6]
    highlighted = [run.text for one in found for run in one.runs if run.font.highlight_color]
    assert highlighted == ["سنة 1908"]
    assert found[1].runs[0].font.bold


def test_what_word_cannot_hold_is_left_out():
    question = "متى\x00 وصل\x1b؟ <w:p/>"
    assert paragraphs(Turn(question=question, answer=ANSWER))[0].text == "متى  وصل ؟ <w:p/>"
