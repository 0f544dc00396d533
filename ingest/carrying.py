"""Articles of an index brought to another version of it, as they are, while others change them."""

from collections.abc import Iterator, Mapping, Sequence

from ingest.indexer import Indexer, Progress
from rag.store import ArticleSummary, Store
from rag.types import Article

_MAX_PASSES = 10
_ARTICLES_PER_READ = 16

Summaries = Mapping[str, ArticleSummary]


class ArticleCarrier:
    """Brings articles from one version to another, each with the time and the mark of its file.

    Parameters
    ----------
    source, target : Store
        Stay the caller's to close.

    Attributes
    ----------
    written : int
        Articles that it has written.
    """

    def __init__(self, source: Store, target: Store) -> None:
        self._source, self._target, self.written = source, target, 0
        self._before: Summaries = {}

    def carry_all(self, indexer: Indexer, progress: Progress) -> None:
        """Make the target have what the source has, again and again until nothing is written to it meanwhile."""
        for _ in range(_MAX_PASSES):
            there, here = self._source.summarize_articles(), self._target.summarize_articles()
            incomplete = self._target.find_incomplete()
            missing = [key for key, one in there.items() if key in incomplete or _time_of(here, key) != one.stored_at]
            gone = [key for key in here if key not in there]
            self._target.remove(gone)
            self._before = there
            if not missing and not gone:
                return
            self._carry(indexer, missing, progress)

    def carry_late(self, indexer: Indexer) -> None:
        """After the switch: bring what was written to the source since it was read last, up to the switch. Whoever
        writes to it after that learns that it has to do so again."""
        there, here = self._source.summarize_articles(), self._target.summarize_articles()
        late = [key for key, one in there.items() if _time_of(self._before, key) != one.stored_at]
        gone = [key for key in self._before if key not in there]
        # What others have written to the target since is newer.
        is_ours = {key: _time_of(here, key) == _time_of(self._before, key) for key in (*late, *gone)}
        self._target.remove([key for key in gone if is_ours[key]])
        self._before = there
        self._carry(indexer, [key for key in late if is_ours[key]], lambda done, total: None)

    def _carry(self, indexer: Indexer, keys: Sequence[str], progress: Progress) -> None:
        ordered = sorted(keys, key=lambda key: self._before[key].stored_at or 0)
        indexer.write(self._read(ordered), progress, len(ordered), self._note_written)

    def _read(self, keys: Sequence[str]) -> Iterator[Article]:
        for at in range(0, len(keys), _ARTICLES_PER_READ):
            group = keys[at : at + _ARTICLES_PER_READ]
            found = self._source.get_articles(group)
            yield from (found[key] for key in group if key in found)

    def _note_written(self, articles: Sequence[Article]) -> None:
        self.written += len(articles)
        summaries = [self._before[article.id] for article in articles]
        self._target.mark_articles({one.id: one.mark for one in summaries if one.mark is not None})
        self._target.date_articles({one.id: one.stored_at for one in summaries if one.stored_at is not None})


def _time_of(summaries: Summaries, key: str) -> int | None:
    return summaries[key].stored_at if key in summaries else None
