"""Passages that say what another article says as well: the same document in another format, or under another name."""

from collections.abc import Sequence

from rag.language.passage_words import JoinedSentences, join_words, sample_words
from rag.store import Candidates
from rag.types import Article, Hit

_MIN_SAMPLE_SHARE = 0.5
"""Of a few words of a passage that another article has to have for all of them to be compared: of two articles on one
subject few pairs do, and comparing takes long."""


class Repeats:
    """Tells which passages an article that was found before has too.

    Parameters
    ----------
    candidates : Candidates
        All that were found for a question.
    """

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._articles: dict[str, Article] = {}
        self._passages: dict[str, JoinedSentences] = {}

    def add(self, article: Article) -> None:
        """Note an article that a hit is of."""
        self._articles[article.id] = article

    def is_repeat(self, hit: Hit) -> bool:
        """Whether the candidates of one article noted, other than the hit's, say all that the hit says: they stand for
        it, each where it ranks itself. What was read by OCR does not stand for what was typed."""
        is_typed = not hit.article.ocr
        others = [one for one in self._articles.values() if one.id != hit.article.id and not (one.ocr and is_typed)]
        sample = sample_words(hit.text) if others else []
        return any(self._has_all(one, hit) for one in others if _has_most(one.text, sample))

    def _has_all(self, article: Article, hit: Hit) -> bool:
        """Whether an article's candidates say what a hit says, and what its title says: that may tell of whom or of
        what year the words are."""
        if article.id not in self._passages:
            self._passages[article.id] = self._join_passages(article)
        passages = self._passages[article.id]
        sentences = (join_words(hit.article.text[slice(*span)]) for span in hit.sentences)
        return passages.has_all([join_words(hit.article.title)]) and passages.has_all(sentences)

    def _join_passages(self, article: Article) -> JoinedSentences:
        own = (one for one in self._candidates if (one.article_id, one.revision) == (article.id, article.revision))
        spans = [span for one in sorted(own, key=lambda one: one.span) for span in one.sentences]
        return JoinedSentences(map(join_words, (article.title, *(article.text[slice(*span)] for span in spans))))


def _has_most(text: str, words: Sequence[str]) -> bool:
    """Whether a text has half of some words as they are written, or more."""
    missing = 0
    for word in words:
        missing += word not in text
        if missing > _MIN_SAMPLE_SHARE * len(words):
            return False
    return True
