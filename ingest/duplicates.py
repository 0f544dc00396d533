"""Articles that say nearly what another one says, whatever they are called: told when they come in."""

from collections.abc import Iterable, Iterator

from ingest.readers import UPLOAD_ORIGIN, ReadWarning
from rag.language.resemblance import measure_resemblance, sketch_text
from rag.store import ArticleSummary
from rag.types import Article

_MIN_RESEMBLANCE = 0.85
"""Of runs of four words. A document as HTML, Word and PDF has 0.91 to 1.00 (0.62 where vowel signs part words);
of the sample articles no two have any in common."""
_MAX_NAMED = 3
"""Of the articles that are like one: a text may be there in every format."""
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
        self._originals: dict[str, str] = {}
        for one in stored:
            self._add(one.id, one.source, one.sketch)

    def find(self, article: Article) -> tuple[str, str] | None:
        """The id and the source of another article that says nearly the same as one that comes in: of the one that
        those like it were told to be like; the one is looked up from then on."""
        sketch = sketch_text(article.text)
        near = [(measure_resemblance(sketch, self._sketches[one]), one) for one in self._candidates(article.id, sketch)]
        self._add(article.id, article.source, sketch)
        resemblance, nearest = max(near, default=(0.0, ""))
        if resemblance < _MIN_RESEMBLANCE:
            return None
        original = self._originals.get(nearest, nearest)
        if original == article.id:
            original = nearest
        self._originals[article.id] = original
        return original, self._sources[original]

    def _candidates(self, article_id: str, sketch: tuple[int, ...]) -> Iterator[str]:
        found = {one for key in sketch[:_KEYS] for one in self._ids_by_hash.get(key, ())}
        return (one for one in found if one != article_id)

    def _add(self, article_id: str, source: str, sketch: tuple[int, ...]) -> None:
        self._sketches[article_id], self._sources[article_id] = sketch, source
        for key in sketch[:_KEYS]:
            self._ids_by_hash.setdefault(key, []).append(article_id)


class DuplicateGroups:
    """What is told of articles that say nearly the same: once for all that are like one article."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], list[str]] = {}

    def add(self, article: Article, original: tuple[str, str]) -> None:
        """Note that an article says nearly the same as another one, given by its id and source."""
        self._places.setdefault(original, []).append(_place(article.source))

    def describe(self) -> Iterator[ReadWarning]:
        """A warning for each group, in order of reading."""
        for (article_id, source), (first, *others) in self._places.items():
            more = len(others) - _MAX_NAMED
            named = ", ".join(others[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
            so_do = f", and so do{'es' * (len(others) == 1)} {named}" if others else ""
            yield ReadWarning(first, f"It says nearly the same as {article_id!r} from {_place(source)}{so_do}.")


def _place(source: str) -> str:
    return source.removeprefix(UPLOAD_ORIGIN)
