"""What a long text asks: its questions, among all that is told around them."""

import re

from rag.language.languages import PROFILES
from rag.language.normalize import fold_text
from rag.language.sentences import find_sentences

_MARKS = ("?", "؟")
_READ_CHARS = 20_000
"""Of the beginning and of the end of a text: what stands between them is told, not asked."""
_OPENING_CHARS = 100
"""Of a sentence, in which the word stands that it asks with."""
_CLOSING = " \t\r\n\"'“”«»)*_"
"""What may stand behind the mark of a question."""


def find_asked_part(text: str, max_chars: int) -> str:
    """The part of a long text that asks: its last sentence or, where that tells something, its first one or the last
    that has the mark of a question, with the questions beside it; the end of a text that asks nothing.

    Parameters
    ----------
    text : str
        A message.
    max_chars : int
        Room, in code points.
    """
    if len(text) > 2 * _READ_CHARS:
        text = f"{text[:_READ_CHARS]}\n{text[-_READ_CHARS:]}"
    sentences = [text[slice(*span)].strip() for span in find_sentences(text)]
    asks = [sentence.rstrip(_CLOSING).endswith(_MARKS) for sentence in sentences]
    if not any(asks):
        asks = [at in (0, len(sentences) - 1) and _begins_to_ask(sentence) for at, sentence in enumerate(sentences)]
    if not any(asks):
        return _take_end(sentences, max_chars)
    last = len(sentences) - 1
    at = next(at for at in (last, 0, *range(last, 0, -1)) if asks[at])
    start, end = at, at + 1
    while start and asks[start - 1]:
        start -= 1
    while end <= last and asks[end]:
        end += 1
    return _take_end(sentences[start:end], max_chars)


def _begins_to_ask(sentence: str) -> bool:
    folded = fold_text(sentence[:_OPENING_CHARS])
    return any(
        re.match(rf"\W*(?:{'|'.join(profile.question_types.values())})(?!\w)", folded) for profile in PROFILES.values()
    )


def _take_end(sentences: list[str], max_chars: int) -> str:
    """As many of the last sentences as there is room for; of one that is longer, its end."""
    end = ""
    for sentence in reversed(sentences):
        longer = f"{sentence} {end}".rstrip()
        if len(longer) > max_chars:
            break
        end = longer
    return end or (sentences[-1][-max_chars:] if sentences else "")
