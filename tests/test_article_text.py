"""An article beside the chat: headings, lists and tables as such, marks on the exact words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.types import Article, Heading, PageMap, Span
from ui.page.article_text import split_blocks
from ui.page.html import render_macro

TABLE = "الصنف | السعر | ملاحظة\nتفاح | 12 | طازج\nتمر | 30 | "
TEXT = f"مقدمة قصيرة.\n\nالأسعار\n{TABLE}\n\n• أولًا هذا.\n\n• ثانيًا ذاك.\n\n1. خطوة.\n2. أخرى.\n- قال رجل.\nخاتمة."


def make_article(text: str, **fields: object) -> Article:
    return Article("a", "عنوان", text, "ar", "1", "a.md", **fields)


def shown_parts(text: str, marked: Span, **fields: object):
    article = make_article(text, **fields)
    blocks = split_blocks(article, Span(0, len(text)), marked)
    return [(line, part) for block in blocks for row in block.rows for line in row for part in line.parts]


def test_headings_lists_and_tables_are_told_apart():
    start = TEXT.index("الأسعار")
    article = make_article(TEXT, headings=(Heading(start, start + 7, 2),))
    blocks = split_blocks(article, Span(0, len(TEXT)), Span(0, 0))
    assert [block.kind for block in blocks] == [
        "paragraph", "heading", "table", "bullets", "numbers", "paragraph", "paragraph",
    ]  # fmt: skip
    assert [len(row) for row in blocks[2].rows] == [3, 3, 3]
    assert blocks[2].has_header
    assert [len(block.rows) for block in blocks[3:5]] == [2, 2]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("الرئيسية | الأخبار", ["paragraph"]),
        ("- قال وحده.\nوانصرف.", ["paragraph", "paragraph"]),
        ("1987. كان عامًا حارًا.\n1988. كان أبرد.", ["paragraph", "paragraph"]),
        ("• وحيد", ["bullets"]),
        ("١) أول\n٢) ثان", ["numbers"]),
    ],
)
def test_a_line_alone_that_only_looks_like_one_is_a_paragraph(text, kinds):
    blocks = split_blocks(make_article(text), Span(0, len(text)), Span(0, 0))
    assert [block.kind for block in blocks] == kinds


def test_a_first_row_with_numbers_names_no_columns():
    (block,) = split_blocks(make_article("تفاح | 12\nتمر | 30"), Span(0, 22), Span(0, 0))
    assert not block.has_header


def test_a_table_goes_on_behind_the_start_of_a_page():
    cut = TABLE.index("تمر")
    article = make_article(TABLE, pages=PageMap((0, cut)))
    first, second = split_blocks(article, Span(0, len(TABLE)), Span(0, 0))
    assert (first.page.number, second.page.number) == (1, 2)
    assert (len(first.rows), len(second.rows)) == (2, 1)


LINES = st.lists(st.sampled_from(["كلمة", "• بند", "- بند", "2. بند", "أ | ب", "أ | 2 | ", " | ", "", "  ", "word 5"]))


@given(lines=LINES, data=st.data())
def test_every_character_is_where_its_offset_says_and_marks_are_exact(lines, data):
    text = "\n".join(lines) or "نص"
    marked = Span(*sorted(data.draw(st.integers(0, len(text))) for _ in range(2)))
    found, shown = shown_parts(text, marked), {}
    for line, part in found:
        shown.setdefault(line.start, []).append(part)
    for start, parts in shown.items():
        words = "".join(part.before + part.marked + part.after for part in parts)
        assert text[start : start + len(words)] == words
    assert sum(len(p.before + p.marked + p.after) for _, p in found) == len(text.replace("\n", ""))
    assert "".join(part.marked for _, part in found) == text[slice(*marked)].replace("\n", "")


def test_the_html_of_a_table_and_a_list_keeps_their_characters_and_marks():
    marked = Span(TEXT.index("12"), TEXT.index("طازج") + 2)
    blocks = split_blocks(make_article(TEXT), Span(0, len(TEXT)), marked)
    html = "".join(render_macro("evidence", "text_block", block=block) for block in blocks)
    assert html.count('<th dir="rtl"') == 3
    assert "<ul" in html
    assert "<ol" in html
    words = re.sub(r"<[^>]+>", "", "".join(re.findall("<mark>.*?</mark>", html)))
    assert words == TEXT[slice(*marked)]
    for start, inner in re.findall(r'data-start="(\d+)"[^>]*>(.*?)</(?:p|li|td|th|h\d)>', html, re.DOTALL):
        plain = re.sub(r"<[^>]+>", "", inner)
        assert TEXT[int(start) : int(start) + len(plain)] == plain
