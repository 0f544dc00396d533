"""Who added, changed, removed and put back which articles: one JSON object a line, in a file that is appended to."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

from ingest.indexer import Indexer, IndexResult, Progress
from rag.errors import SettingsError
from rag.types import Article

Action = Literal["added", "changed", "removed", "restored"]

_log = logging.getLogger(__name__)
_NOBODY = "service"
"""What the service does of itself, such as keeping in step with a folder."""
current_caller: ContextVar[str] = ContextVar("current_caller", default=_NOBODY)
"""The name of whom the request comes from that is being answered; `anyone` where everybody is let in."""


@contextmanager
def acting_for(caller: str) -> Iterator[None]:
    """Within the block, what is done is a caller's, by the name: Gradio calls the page's events outside of the requests
    that asked for them."""
    before = current_caller.set(caller)
    try:
        yield
    finally:
        current_caller.reset(before)


class AuditLog:
    """A file of what was done.

    Parameters
    ----------
    file : Path or None
        Made where it is missing; None: nothing is written.

    Raises
    ------
    SettingsError
        When it cannot be written: better no service than one whose changes nobody finds.
    """

    def __init__(self, file: Path | None) -> None:
        self._file, self._lock, self.is_on = file, threading.Lock(), file is not None
        if file is not None:
            try:
                file.open("a").close()
            except OSError as error:
                raise SettingsError(f"DALIL_AUDIT_FILE: {file} cannot be written ({error.strerror}).") from None

    def write(self, action: Action, article_ids: Sequence[str], collection: str) -> None:
        """Write down who did something to articles; nothing where there are none. A failure is logged: what was done
        is done."""
        if self._file is None or not article_ids:
            return
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "key": current_caller.get(),
            "action": action,
            "collection": collection,
            "articles": list(article_ids),
        }
        try:
            with self._lock, self._file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            _log.error("DALIL_AUDIT_FILE: %s cannot be written (%s): %s", self._file, error.strerror, line)


class AuditedIndexer(Indexer):
    """An indexer whose changes are written down, whichever way they come.

    Parameters
    ----------
    audit : AuditLog
        Where to.
    collection : str
        Whose index it is.
    *arguments
        Those of `Indexer`.
    """

    def __init__(self, audit: AuditLog, collection: str, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._audit, self._collection = audit, collection

    def index(
        self,
        found: Iterable[Any],
        progress: Progress = lambda done, total: None,
        total: int = 0,
        note_written: Callable[[Sequence[Article]], None] = lambda articles: None,
    ) -> IndexResult:
        """Put articles into the index, and write down which were added and changed, also where it ends early."""
        if not self._audit.is_on:
            return super().index(found, progress, total, note_written)
        written: list[str] = []

        def note(articles: Sequence[Article]) -> None:
            written.extend(article.id for article in articles)
            note_written(articles)

        known = self._store.summarize_articles().keys()
        try:
            return super().index(found, progress, total, note)
        finally:
            self._audit.write("added", [one for one in written if one not in known], self._collection)
            self._audit.write("changed", [one for one in written if one in known], self._collection)

    def remove(self, article_ids: Sequence[str], holds_originals: bool = False) -> None:
        """Take articles out of the index."""
        super().remove(article_ids, holds_originals)
        self._audit.write("removed", article_ids, self._collection)

    def rename(self, article_id: str, title: str) -> Article:
        """Give an article another title."""
        renamed = super().rename(article_id, title)
        self._audit.write("changed", [article_id], self._collection)
        return renamed

    def restore(self, article: Article) -> None:
        """Put an article that was removed into the index again."""
        super().restore(article)
        self._audit.write("restored", [article.id], self._collection)
