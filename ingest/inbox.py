"""Articles that come one upload at a time, as over HTTP, into an index that answers meanwhile."""

import threading
from typing import Literal

from ingest.read import Failure, read_upload
from ingest.sync import embed
from rag.assistant import Assistant
from rag.types import Added


class IndexInbox:
    """Takes uploads into an assistant's index. Safe to use from several threads: one upload goes in at a time."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._one_at_a_time = threading.Lock()

    def add(self, name: str, content: bytes, kind: Literal["md", "txt", "jsonl"]) -> Added:
        """Put the articles of an upload into the index; those that cannot be read are told, the others go in."""
        store, settings = self._assistant.store, self._assistant.settings
        done = Added()
        with self._one_at_a_time:
            heads = store.heads()
            fresh = []
            for found in read_upload(content, kind, name, settings.max_article_chars):
                if isinstance(found, Failure):
                    done.failed[found.path] = found.reason
                elif found.id in heads and heads[found.id].revision == found.revision:
                    done.unchanged.append(found.id)
                else:
                    (done.changed if found.id in heads else done.added).append(found.id)
                    fresh.append(found)
            for article, chunks in embed(fresh, settings.chunk_tokens, self._assistant.encoder):
                store.write(article, chunks)
            if fresh:
                store.settle()
        return done
