"""Articles that come one upload at a time, as over HTTP, into an index that answers meanwhile."""

import threading
from collections.abc import Sequence
from typing import Literal

from ingest.readers import Failure, read_upload
from ingest.sync import embed
from rag.answering.assistant import Assistant
from rag.types import Added, Article

Kind = Literal["md", "txt", "jsonl"]


class IndexInbox:
    """Takes uploads into an assistant's index. Safe to use from several threads: one upload goes in at a time."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._one_at_a_time = threading.Lock()

    def plan(self, name: str, content: bytes, kind: Kind) -> Added:
        """What `add` would do, doing nothing."""
        return self._compared(name, content, kind)[0]

    def add(self, name: str, content: bytes, kind: Kind) -> Added:
        """Put the articles of an upload into the index; those that cannot be read are told, the others go in."""
        with self._one_at_a_time:
            done, fresh = self._compared(name, content, kind)
            self._put(fresh)
        return done

    def put_back(self, article: Article) -> None:
        """Put an article that was removed into the index again, as it was."""
        with self._one_at_a_time:
            self._put([article])

    def _compared(self, name: str, content: bytes, kind: Kind) -> tuple[Added, list[Article]]:
        """The upload against the index, and the articles of it that are to be written."""
        heads = self._assistant.store.heads()
        done, fresh = Added(), []
        for found in read_upload(content, kind, name, self._assistant.settings.max_article_chars):
            if isinstance(found, Failure):
                done.failed[found.path] = found.reason
            elif found.id in heads and heads[found.id].revision == found.revision:
                done.unchanged.append(found.id)
            else:
                (done.changed if found.id in heads else done.added).append(found.id)
                fresh.append(found)
        return done, fresh

    def _put(self, articles: Sequence[Article]) -> None:
        store = self._assistant.store
        for article, chunks in embed(articles, self._assistant.settings.chunk_tokens, self._assistant.encoder):
            store.write(article, chunks)
        if articles:
            store.settle()
