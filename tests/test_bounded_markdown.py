"""Reading Markdown that was written to be slow: the work is counted, and no word is lost."""

import sys
from pathlib import Path

import pytest
from markdown_it.parser_inline import ParserInline

from ingest.readers import format_of_media_type, read_upload
from ingest.readers.bounded_markdown import make_parser, parse_markdown
from rag.types import Article

ROOT = Path(__file__).parent.parent
MARKDOWN = format_of_media_type("text/markdown")
WORD = "كلمة"
CHARS = 4_000
MAX_CALLS_PER_CHAR = 100
"""Ordinary text takes 5 to 15, the busiest of these 66; without limits many took thousands, some did not end."""
MAX_GROWTH = 2.4

BOMBS = {
    "open brackets": lambda chars: "[" * chars,
    "open images": lambda chars: "![" * (chars // 2),
    "open and closed brackets": lambda chars: "[" * (chars // 2) + "]" * (chars // 2),
    "half links": lambda chars: "[a](<b" * (chars // 6),
    "half references": lambda chars: "[a][" * (chars // 4),
    "emphasised brackets": lambda chars: "**[" * (chars // 3),
    "brackets and marks": lambda chars: "[" * 90 + "*a" * (chars // 2),
    "brackets and code": lambda chars: "[`a" * (chars // 3),
    "brackets and angles": lambda chars: "<![CDATA[" * (chars // 9),
    "brackets in images": lambda chars: "![" * 40 + ("[" * 50 + "]" * 50) * (chars // 100) + "](b)" * 40,
    "images in images": lambda chars: ("![" * 45 + "a" + "](b)" * 45) * (chars // 271),
    "small blocks of brackets": lambda chars: ("[" * 35 + "\n\n") * (chars // 37),
    "lines of brackets": lambda chars: "[a\n" * (chars // 3),
    "angles": lambda chars: "<a@" * (chars // 3),
    "stars": lambda chars: "*a " * (chars // 3),
    "stars and low lines": lambda chars: "*a_b" * (chars // 4),
    "nested stars": lambda chars: "***a " * (chars // 10) + "b*** " * (chars // 10),
    "backticks of all lengths": lambda chars: "".join("`" * at + " " for at in range(1, int((2 * chars) ** 0.5))),
    "entities": lambda chars: "&#" * (chars // 2),
    "quotes a thousand deep": lambda chars: ("> " * 1_000 + "a\n") * (chars // 2_002),
    "lazy lines of a deep quote": lambda chars: "> " * 60 + "a\n" + "b\n" * (chars // 2),
    "lazy lines of quoted fences": lambda chars: ("> " * 40 + "```\n" + "b\n" * 40) * (chars // 164),
    "quotes in lists": lambda chars: "> - " * 33 + "a\n" + "b\n" * (chars // 2),
    "lists, each deeper": lambda chars: "\n".join("  " * at + "- a" for at in range(int(chars**0.5))),
    "lists in a line": lambda chars: "- " * (chars // 2) + "a",
    "lists of every kind": lambda chars: "- a\n+ a\n" * (chars // 8),
    "a long table": lambda chars: "|a|b|\n|-|-|\n" + "|a|b|\n" * (chars // 6),
    "a wide table": lambda chars: "|a" * (chars // 6) + "|\n" + "|-" * (chars // 6) + "|\n" + "|b" * (chars // 6),
    "definitions": lambda chars: "".join(f"[a{at}]: /b\n" for at in range(chars // 24)) + "\n" + "[a1]" * (chars // 8),
    "open titles of definitions": lambda chars: "[a]: b 'x\n\n" * (chars // 11),
    "open fences": lambda chars: "```\n" * (chars // 4),
    "headings": lambda chars: "# a\n" * (chars // 4),
    "open comments": lambda chars: "<!-- a\n" * (chars // 7),
    "open comments in a line": lambda chars: "<!-- a " * (chars // 7),
    "comments in items": lambda chars: "- <!-- a\n" * (chars // 9),
    "open scripts": lambda chars: "<script>\n\n" * (chars // 10),
    "open scripts in a line": lambda chars: "a <script>" * (chars // 10),
    "open tags": lambda chars: "<a b c=d " * (chars // 9),
    "open attributes": lambda chars: "<a b=\"'" * (chars // 8),
    "tags": lambda chars: "<b>a</b>" * (chars // 8),
    "open struck tags": lambda chars: "<del>a" * (chars // 6),
    "cells": lambda chars: "<td>a" * (chars // 5),
    "open footnotes": lambda chars: "[^1]: a\n\n" + "[^a" * (chars // 3),
    "footnotes": lambda chars: "[^1]: a\n\n" + "[^1]" * (chars // 4),
    "footnotes in footnotes": lambda chars: "[^1]: " * (chars // 6) + "a",
    "definitions of footnotes": lambda chars: "[^1]: a\n" * (chars // 8),
    "open wikilinks": lambda chars: "[[a|" * (chars // 4),
    "struck": lambda chars: "~~a " * (chars // 4),
    "highlights": lambda chars: "==a " * (chars // 4),
    "equals signs": lambda chars: "=" * chars,
    "short rows of a wide table": lambda chars: (
        "|a" * (chars // 8) + "|\n" + "|-" * (chars // 8) + "|\n" + "|b\n" * (chars // 6)
    ),
    "tasks": lambda chars: "- [ ] a\n" * (chars // 8),
    "callouts": lambda chars: "> [!NOTE]\n\n" * (chars // 11),
    "merges of front matter": lambda chars: (
        "---\na0: &a0 {x: 1}\n"
        + "".join(f"a{at}: &a{at} {{<<: [*a{at - 1}, *a{at - 1}]}}\n" for at in range(1, chars // 200))
        + "---\n"
    ),
}


class TooMuchWork(Exception):
    pass


def read(text):
    one, *_ = read_upload(text.encode(), MARKDOWN, "a", 10_000_000)
    assert isinstance(one, Article), one
    return one


def count_calls(text, most):
    """Calls of functions, in Python or not, that reading a text takes; raises TooMuchWork when there are too many."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in ("call", "c_call")
        if calls > most:
            raise TooMuchWork(f"more than {most}")

    sys.setprofile(count)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("bomb", BOMBS)
def test_the_work_of_reading_grows_as_the_text_does(bomb):
    short, long = (f"{BOMBS[bomb](chars)}\n\n{WORD}\n" for chars in (CHARS, 2 * CHARS))
    read(short)  # what is done once is done before
    calls = count_calls(short, MAX_CALLS_PER_CHAR * len(short))
    assert count_calls(long, MAX_CALLS_PER_CHAR * len(long)) < MAX_GROWTH * calls


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_word_is_lost(bomb):
    assert WORD in read(f"{BOMBS[bomb](CHARS)}\n\n{WORD}\n").text


def test_words_deeper_than_any_list_or_quote_are_kept():
    for mark in ("> ", "- ", "1. ", "> - "):
        assert WORD in read(f"{mark * 500}{WORD}").text


def test_a_block_that_takes_too_many_steps_stands_as_it_is_and_the_others_are_read():
    brackets = "[" * 3_000
    text = read(f"**أول**\n\n*{brackets}\n  {WORD}*\n\n> ثالث `x`").text
    assert text.split("\n\n") == ["أول", f"*{brackets} {WORD}*", "ثالث x"]


def test_a_text_whose_blocks_take_too_many_steps_stands_as_it_is():
    body = f"# عنوان\n\n{'> ' * 60}*{WORD}*\n" + "ب\n" * 20_000
    one = read(f"---\ntopic: ماء\n---\n{body}")
    assert (one.title, one.topic, one.text) == ("# عنوان", "ماء", body.strip())


def test_front_matter_with_merges_is_read_without_them():
    one = read("---\nbase: &base {topic: ماء}\n<<: *base\nother: {<<: *base}\ntitle: بحر\n=: x\n---\nنص")
    assert (one.title, one.topic) == ("بحر", None)


@pytest.mark.parametrize(
    "front",
    [
        "topic: 0x" + "1" * 20_000,
        "topic: 1" + ":1" * 10_000,
        'topic: !!int ""',
        "topic: " + "[" * 5_000,
        "a: &a [1, 1]\n" + "".join(f"a{at}: &a{at} [*a, *a]\n" for at in range(1_000)) + "topic:",
    ],
)
def test_front_matter_made_to_be_slow_loses_no_article(front):
    article, *_ = read_upload(f"---\n{front}\n---\nنص".encode(), MARKDOWN, "a", 10_000_000)
    assert (article.text, article.topic) == ("نص", None)


def test_what_is_too_long_for_front_matter_is_text():
    assert WORD in read(f"---\ntitle: x\nb: {'a ' * 50_000}{WORD}\n---\nنص").text


def describe(tokens):
    """What the reader looks at, of tokens."""
    children = [[(child.type, child.content) for child in token.children or ()] for token in tokens]
    return [(token.type, token.tag, token.info, token.content, of) for token, of in zip(tokens, children, strict=True)]


DOCUMENTS = [*sorted((ROOT / "articles").glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_documents_are_read_as_without_limits(path):
    text = path.read_text("utf-8")
    assert describe(parse_markdown(text)) == describe(make_parser(ParserInline()).parse(text))
