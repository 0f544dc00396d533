"""Articles that say nearly what another one says, whatever they are called: told when they come in."""

from collections.abc import Iterable, Iterator

from ingest.readers import UPLOAD_ORIGIN, ReadWarning
from ingest.reasons import Reason, reason
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
    """What is told of articles that say the same, or nearly: once for all that are like one article."""

    def __init__(self) -> None:
        self._warnings: dict[tuple[str, str], list[ReadWarning]] = {}

    def add(self, article: Article, original: tuple[str, str]) -> None:
        """Note that an article says nearly the same as another one, given by its id and source."""
        article_id, source = original
        why = reason("near_duplicate", id=article_id, place=_place(source))
        self._warnings.setdefault((article_id, _place(source)), []).append(ReadWarning(_place(article.source), why))

    def add_copy(self, warning: ReadWarning) -> bool:
        """Note a warning that an article is another one once more; False: it is another warning."""
        why = warning.reason
        if not isinstance(why, Reason) or why.code != "copy":
            return False
        self._warnings.setdefault((why.values["id"], why.values["place"]), []).append(warning)
        return True

    def describe(self) -> Iterator[ReadWarning]:
        """A warning for each group, in order of reading."""
        for (article_id, place), (first, *others) in self._warnings.items():
            more, named = len(others) - _MAX_NAMED, ", ".join(one.path for one in others[:_MAX_NAMED])
            if others:
                said = {"id": article_id, "place": place, "others": named, "more": more}
                yield ReadWarning(first.path, reason("near_duplicates_more" if more > 0 else "near_duplicates", **said))
            else:
                yield first


def _place(source: str) -> str:
    return source.removeprefix(UPLOAD_ORIGIN)
