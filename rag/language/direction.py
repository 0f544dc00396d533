"""The direction of a block of text, and the runs in it that go the other way."""

import re
from collections.abc import Iterator

from rag.language.detect import count_letters, max_language
from rag.language.languages import PROFILES
from rag.language.profile import Direction
from rag.types import Language, Span

_ANY_LETTER = re.compile("|".join(f"(?P<{code}>[{profile.letter_class}])" for code, profile in PROFILES.items()))
_NO_LETTERS: Direction = "ltr"


def direction(text: str) -> Direction:
    """The direction of one block of text: that of most of its letters, of the first letter where they tie."""
    code = max_language(count_letters(text)) or _first_letter_language(text)
    return PROFILES[code].direction if code else _NO_LETTERS


def find_embedded_runs(text: str, outer: Direction) -> Iterator[Span]:
    """The runs of `text` in the direction that is not `outer`, which must be isolated to be shown in order."""
    for profile in PROFILES.values():
        if profile.direction != outer:
            yield from (Span(*match.span()) for match in profile.embedded_run.finditer(text))


def _first_letter_language(text: str) -> Language | None:
    first = _ANY_LETTER.search(text)
    return next((code for code in PROFILES if first and first.lastgroup == code), None)
