"""An answer on the page: what is largest, what is folded, what is said of it, and what looks like no answer."""

import re
from dataclasses import replace

import pytest

from rag.types import Answer, AnswerSpan, Citation, DirectAnswer
from ui.page.answer_blocks import split_answer
from ui.page.labels import load_labels
from ui.page.storage import Turn
from ui.page.turns import render_turn

QUOTES = ["وصلت القضبان سنة 1904.", "احتُفل ببلوغه المدينة سنة 1908."]
CITATIONS = tuple(
    Citation(number, "a", "قطار الحجاز", None, number, number + len(quote), quote, "verbatim", 1.0, section=("مراحله",))
    for number, quote in enumerate(QUOTES, 1)
)
TEXT = "وفقًا لمقال «قطار الحجاز»:\n\n" + "\n\n".join(f"«{one}» [{at}]" for at, one in enumerate(QUOTES, 1))
ANSWER = Answer("7", TEXT, "ar", False, None, "extractive", False, CITATIONS, confidence=0.95)


def cite_words(number, words, start):
    return replace(CITATIONS[0], number=number, quote=words, start=start, end=start + len(words))


def render(answer, language="en", **turn):
    return "".join(render_turn(Turn(question="متى؟", answer=answer, **turn), 0, load_labels(language)))


def test_an_article_that_is_named_before_its_quotes_is_named_once():
    html = render(ANSWER)
    assert [block.kind for block in split_answer(ANSWER)] == ["lead", "first", "quote"]
    shown = re.sub(r"<[^>]+>", "", html)
    assert (shown.count("قطار الحجاز"), shown.count("مراحله")) == (1, 1)
    assert 'href="#article=a&amp;start=1&amp;end=23"' in html


def test_what_answers_stands_first_and_is_marked_in_its_quote():
    words = "سنة 1908"
    start = 2 + QUOTES[1].index(words)
    direct = DirectAnswer("1908", (AnswerSpan(2, start, start + len(words)),))
    answer = replace(ANSWER, text=f"1908 [2]\n\n{TEXT}", answer=direct)
    assert [block.kind for block in split_answer(answer)] == ["direct", "lead", "quote", "quote"]
    assert f"<mark>{words}</mark>" in render(answer)


def test_a_row_of_a_table_is_shown_cell_by_cell_beneath_the_names_of_its_columns():
    names, row = "الخط | محطات | مواقف", "الجبل | 7 | 7"
    citations = (cite_words(1, row, 60), cite_words(2, names, 20))
    direct = DirectAnswer("7 (محطات)", (AnswerSpan(1, 68, 69),))
    answer = replace(ANSWER, text=f"7 (محطات) [1]\n\n«{row}» [1]\n\n«{names}» [2]", citations=citations, answer=direct)
    html = render(answer)
    assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html) == [
        ("الخط", "الجبل"),
        ("محطات", "<mark>7</mark>"),
        ("مواقف", "7"),
    ]
    assert html.count('data-act="open" data-verdict') >= 2
    # Of another article, or of more cells, they are two quotes.
    for other in (replace(citations[1], article_id="b"), cite_words(2, "الخط | محطات", 20)):
        assert "<dt>" not in render(replace(answer, citations=(citations[0], other)))


@pytest.mark.parametrize(("confidence", "key"), [(0.95, "high"), (0.7, "fair"), (0.55, "low")])
def test_confidence_is_said_in_words(confidence, key):
    labels = load_labels("en")
    assert labels[f"confidence_{key}"] in render(replace(ANSWER, confidence=confidence))
    assert labels[f"confidence_{key}"] not in render(replace(ANSWER, confidence=confidence, state="unsure"))


def test_many_quotes_are_folded_and_none_is_lost():
    text = "\n\n".join(f"«البند رقم {at}» [1]" for at in range(9))
    html = render(replace(ANSWER, text=text))
    before, folded = html[: html.index("dalil-actions")].split('<details class="dalil-fold"')
    assert (before.count("البند رقم"), folded.count("البند رقم")) == (5, 4)
    assert load_labels("en")["more_quotes"].format(count=4) in folded
    assert "dalil-fold" not in render(replace(ANSWER, text="\n\n".join(f"«البند رقم {at}» [1]" for at in range(7))))


@pytest.mark.parametrize("words", ["", "آخر الكلام"])
def test_a_long_quote_is_folded_but_for_the_words_that_answer(words):
    quote = "كلمة " * 150 + "آخر الكلام هنا."
    citation = replace(CITATIONS[0], quote=quote, end=1 + len(quote))
    start = 1 + quote.index("آخر")
    direct = DirectAnswer(words, (AnswerSpan(1, start, start + len(words)),)) if words else None
    answer = replace(ANSWER, text=f"«{quote}» [1]", citations=(citation,), answer=direct)
    html = render(answer)
    assert len(re.findall(r"<[^>]*dalil-rest", html)) == (0 if words else 1)
    shown = re.sub(r"<[^>]+>", "", html[: html.index("dalil-actions")])
    assert shown.count("كلمة") == 150
    assert "آخر الكلام هنا" in shown


@pytest.mark.parametrize(("interface", "answered"), [("en", "ar"), ("ar", "en"), ("en", "en")])
def test_a_refusal_stands_as_the_interface_runs_with_its_words_in_their_own_direction(interface, answered):
    labels, said = load_labels(interface), {"ar": "لا أجد جوابًا.", "en": "There is none."}[answered]
    nearest = [("a", "قطار الحجاز"), ("b", "منشأة")]
    answer = replace(ANSWER, text=f"{said} The nearest: “قطار الحجاز”, “منشأة”.", language=answered)
    answer = replace(answer, refused=True, state="refused", citations=())
    html = render(answer, interface, nearest=nearest, looked_for="eat، مطعم")
    refusal = html[html.index('<div class="dalil-refusal"') : html.index("dalil-sources")]
    assert 'class="dalil-refusal" role="note">' in refusal
    assert f'<p dir="{"rtl" if answered == "ar" else "ltr"}" lang="{answered}">{said}</p>' in refusal
    terms = '<bdi dir="ltr" lang="en">eat</bdi>{}<bdi dir="rtl" lang="ar">مطعم</bdi>'
    assert labels["looked_for"].format(terms=terms.format(labels["list_separator"])) in refusal
    assert re.sub(r"<[^>]+>", "", html).count("قطار الحجاز") == 1


def test_doubt_looks_neither_like_an_answer_nor_like_a_refusal():
    said = "لست واثقًا من أن المقالات تجيب عن هذا، وقد تفيدك هذه المواضع:"
    html = render(replace(ANSWER, text=f"{said}\n\n{TEXT}", state="unsure"))
    assert f"{load_labels('en')['unsure']}</strong><br>{said}" in html
    assert 'class="dalil-unsure"' in html
    assert not re.findall("dalil-(refusal|confidence|direct)", html)
    assert 'class="dalil-unsure"' not in render(ANSWER)
