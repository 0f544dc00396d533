"""What a model writes, made fit to be sent on while it comes."""

import re
from collections.abc import Iterable, Iterator

from rag.language.controls import remove_directions, replace_controls

_OPEN_END = re.compile(r"[\r\ud800-\udbff]\Z")
"""What the next piece may complete: the first half of a line end, or of a surrogate pair."""


def clean_deltas(deltas: Iterable[str]) -> Iterator[str]:
    """A model's text without what no answer may carry, however it is cut into pieces.

    Control characters are spaces, as those of articles are; embeddings, overrides and isolates, which would turn what
    stands beside the answer, and halves of surrogate pairs, which could not be sent on, are left out.
    """
    held = ""
    for delta in deltas:
        text = held + delta
        held = text[-1:] if _OPEN_END.search(text) else ""
        yield from filter(None, [_clean_text(text[: len(text) - len(held)])])
    yield from filter(None, [_clean_text(held)])


def _clean_text(text: str) -> str:
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return remove_directions(replace_controls(whole))
