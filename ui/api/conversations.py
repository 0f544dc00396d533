"""Conversations of the page that the server keeps, each for the key that it was held with: no other key reads them."""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rag.errors import NotFoundError, StorageFullError, StoreError

_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS conversations (
    owner TEXT, id TEXT, name TEXT NOT NULL, asked_at TEXT NOT NULL, words TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (owner, id)
) WITHOUT ROWID
"""
_MAX_KEPT = 500
"""Of an owner; the one that was asked in longest ago goes first."""
_TIMEOUT_S = 5.0
_OWNER_ALONE = 0o600


class ConversationSummary(NamedTuple):
    """What a list shows of a conversation.

    Attributes
    ----------
    id, name : str
        The name that it was given, else its first question.
    asked_at : str
        When its last question was asked, ISO in UTC; empty where that is not known.
    words : str
        What it is found by.
    """

    id: str
    name: str
    asked_at: str
    words: str


class ConversationStore:
    """The conversations of every owner, in a file of SQLite. Safe to use from several threads.

    Parameters
    ----------
    file : Path
        Made where it is not there, for nobody else to read.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._lock, self._is_open = file, threading.Lock(), False

    def list_conversations(self, owner: str) -> list[ConversationSummary]:
        """Those of an owner, the one that was asked in last first."""
        query = "SELECT id, name, asked_at, words FROM conversations WHERE owner = ? ORDER BY asked_at DESC, id"
        with self._connect() as database:
            return [ConversationSummary(*row) for row in database.execute(query, (owner,))]

    def read(self, owner: str, conversation_id: str) -> dict[str, Any]:
        """One of an owner's conversations.

        Raises
        ------
        NotFoundError
            When the owner has none of that id.
        """
        query = "SELECT body FROM conversations WHERE owner = ? AND id = ?"
        with self._connect() as database:
            row = database.execute(query, (owner, conversation_id)).fetchone()
        if row is None:
            raise NotFoundError(f"There is no conversation with the id {conversation_id!r}.")
        return dict(json.loads(row[0]))

    def read_all(self, owner: str) -> list[dict[str, Any]]:
        """All of an owner's conversations, the one that was asked in last first."""
        query = "SELECT body FROM conversations WHERE owner = ? ORDER BY asked_at DESC, id"
        with self._connect() as database:
            return [json.loads(body) for (body,) in database.execute(query, (owner,))]

    def write(self, owner: str, summary: ConversationSummary, body: Mapping[str, Any]) -> None:
        """Keep a conversation as it is now; an owner's oldest goes where there are too many."""
        row = (owner, *summary, json.dumps(body, ensure_ascii=False))
        oldest = "SELECT id FROM conversations WHERE owner = ? ORDER BY asked_at DESC, id LIMIT -1 OFFSET ?"
        with self._connect() as database:
            database.execute("INSERT OR REPLACE INTO conversations VALUES (?, ?, ?, ?, ?, ?)", row)
            too_many = database.execute(oldest, (owner, _MAX_KEPT)).fetchall()
            database.executemany(
                "DELETE FROM conversations WHERE owner = ? AND id = ?", [(owner, *one) for one in too_many]
            )

    def delete(self, owner: str, conversation_id: str) -> bool:
        """Delete one of an owner's conversations, its words overwritten; tells whether there was one."""
        with self._connect() as database:
            done = database.execute("DELETE FROM conversations WHERE owner = ? AND id = ?", (owner, conversation_id))
            return done.rowcount > 0

    def delete_all(self, owner: str) -> int:
        """Delete all of an owner's conversations; returns how many."""
        with self._connect() as database:
            return database.execute("DELETE FROM conversations WHERE owner = ?", (owner,)).rowcount

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """The file, for one change or one reading.

        Raises
        ------
        StoreError
            When it cannot be used.
        """
        with self._lock:
            database = None
            try:
                database = self._open()
                with database:
                    yield database
                if database.total_changes:  # what was deleted is not left in the log
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except (sqlite3.Error, OSError) as error:
                raise _to_store_error(error, self._file) from error
            finally:
                if database is not None:
                    database.close()

    def _open(self) -> sqlite3.Connection:
        if not self._is_open:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, _OWNER_ALONE))
        database = sqlite3.connect(self._file, timeout=_TIMEOUT_S)
        if not self._is_open:
            database.executescript(_SCHEMA)
            self._is_open = True
        database.execute("PRAGMA secure_delete = ON")
        return database


def _to_store_error(error: Exception, file: Path) -> StoreError:
    message = f"The conversations in {file} cannot be used: {error}."
    is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return StorageFullError(message) if is_full else StoreError(message)
