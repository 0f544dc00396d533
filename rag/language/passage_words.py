"""The words of passages without what parts them, by which it is seen that one text says all that another one says."""

import re
from collections.abc import Iterable

from rag.language.normalize import fold_text

_WORD = re.compile(r"\w+")
_ITEM_NUMBER = re.compile(r"\A\s*\d{1,3}[.)-]\s")
"""Before an item of a list, which Word keeps apart from the words of it."""
_MIN_SAMPLE_CHARS, _SAMPLE_WORDS = 5, 6


def join_words(text: str) -> str:
    """The words of a text as folded, with nothing between them: equal whatever lines, spaces and marks part them."""
    return "".join(_WORD.findall(fold_text(_ITEM_NUMBER.sub("", text))))


def sample_words(text: str) -> list[str]:
    """A few of the longer words of a text, as they are written, from all over it."""
    words = [word for word in _WORD.findall(text) if len(word) >= _MIN_SAMPLE_CHARS]
    return words[:: max(1, len(words) // _SAMPLE_WORDS)][:_SAMPLE_WORDS]


class JoinedSentences:
    """Sentences in their order, among which those of another text are looked for.

    Parameters
    ----------
    sentences : iterable of str
        As `join_words` gives them.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        self._starts: set[int] = set()
        parts: list[str] = []
        length = 0
        for sentence in sentences:
            self._starts.add(length)
            parts.append(sentence)
            length += len(sentence)
        self._text = "".join(parts)

    def has_all(self, sentences: Iterable[str]) -> bool:
        """Whether those of another text are all there, wherever that is cut into sentences.

        One that begins amid a sentence here has to go on from the one before it, so that words are not taken out of
        what denies them ("it is not true that").
        """
        end = -1
        for sentence in filter(None, sentences):
            start = end if end >= 0 and self._text.startswith(sentence, end) else self._find_at_start(sentence)
            if start < 0:
                return False
            end = start + len(sentence)
        return True

    def _find_at_start(self, sentence: str) -> int:
        start = self._text.find(sentence)
        while start >= 0 and start not in self._starts:
            start = self._text.find(sentence, start + 1)
        return start
