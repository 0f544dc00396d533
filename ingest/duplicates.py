"""Articles that say nearly what another one says, whatever they are called: told when they come in."""

from collections.abc import Iterable, Iterator

from rag.language.resemblance import measure_resemblance, sketch_text
from rag.store import ArticleSummary
from rag.types import Article

_MIN_RESEMBLANCE = 0.85
"""Of runs of four words. A document as HTML, Word and PDF has 0.91 to 1.00 (0.62 where vowel signs part words);
of the sample articles no two have any in common."""
_KEYS = 4
"""Least hashes by which texts are looked up: of two that are so near all of them differ once in 2,000 times."""


class Duplicates:
    """The texts of an index, and those that come in, by their sketches.

    Parameters
    ----------
    stored : iterable of ArticleSummary
        The articles of the index.
    """

    def __init__(self, stored: Iterable[ArticleSummary]) -> None:
        self._sketches: dict[str, tuple[int, ...]] = {}
        self._sources: dict[str, str] = {}
        self._ids_by_hash: dict[int, list[str]] = {}
        for one in stored:
            self._add(one.id, one.source, one.sketch)

    def find(self, article: Article) -> tuple[str, str] | None:
        """The id and the source of another article that says nearly the same as one that comes in, the nearest; the
        one is looked up from then on."""
        sketch = sketch_text(article.text)
        near = [(measure_resemblance(sketch, self._sketches[one]), one) for one in self._candidates(article.id, sketch)]
        self._add(article.id, article.source, sketch)
        resemblance, nearest = max(near, default=(0.0, ""))
        return (nearest, self._sources[nearest]) if resemblance >= _MIN_RESEMBLANCE else None

    def _candidates(self, article_id: str, sketch: tuple[int, ...]) -> Iterator[str]:
        found = {one for key in sketch[:_KEYS] for one in self._ids_by_hash.get(key, ())}
        return (one for one in found if one != article_id)

    def _add(self, article_id: str, source: str, sketch: tuple[int, ...]) -> None:
        self._sketches[article_id], self._sources[article_id] = sketch, source
        for key in sketch[:_KEYS]:
            self._ids_by_hash.setdefault(key, []).append(article_id)
