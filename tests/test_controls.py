import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language.controls import close_directions, remove_directions, replace_controls

OPENERS, CLOSERS = ("LRE", "RLE", "LRO", "RLO", "LRI", "RLI", "FSI"), ("PDF", "PDI")
CONTROLS = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
TEXTS = st.text(st.sampled_from([*CONTROLS, "a", "ا", "\n", " "]), max_size=40)


def is_balanced(line):
    """Whether a line closes what it opens, in order, and nothing else."""
    due = []
    for kind in map(unicodedata.bidirectional, line):
        if kind in OPENERS:
            due.append("PDI" if kind.endswith("I") else "PDF")
        elif kind in CLOSERS and (not due or due.pop() != kind):
            return False
    return due == []


@given(TEXTS)
def test_what_is_opened_is_closed_and_nothing_else_changes(text):
    closed = close_directions(text)
    assert all(map(is_balanced, closed.split("\n")))
    assert remove_directions(closed) == remove_directions(text)
    assert close_directions(closed) == closed


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("a\u202eb", "a\u202eb\u202c"),
        ("a\u2067b\u202ac", "a\u2067b\u202ac\u202c\u2069"),
        ("a\u2067b\u202ac\u2069d", "a\u2067b\u202ac\u202c\u2069d"),
        ("a\u202cb\u2069c", "abc"),
        ("\u202eab\ncd\u202c", "\u202eab\u202c\ncd"),
        ("\u2066أ\u2069 ب\u200f", "\u2066أ\u2069 ب\u200f"),
    ],
)
def test_lines_are_closed(text, closed):
    assert close_directions(text) == closed


@given(st.text())
def test_a_text_without_directions_stays(text):
    plain = remove_directions(text)
    assert close_directions(plain) == plain


@given(st.text() | st.text(st.characters(max_codepoint=0xFF)))
def test_no_control_character_is_left(text):
    kinds = {unicodedata.category(char) for char in re.sub(r"[\n\t]", "", replace_controls(text))}
    assert kinds.isdisjoint({"Cc", "Cs"})


def test_line_ends_are_line_feeds():
    assert replace_controls("a\r\nb\rc\td\x00e") == "a\nb\nc\td e"
