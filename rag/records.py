"""What a service keeps beside its index: answers that can be rated, ratings, jobs, and sessions that were ended; of one
process, or in a database that all replicas share."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from rag.errors import InputError, SettingsError, StoreError
from rag.secrets import hide_secrets

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from rag.settings import Settings

Kind = Literal["answers", "ratings", "jobs", "sessions"]
Record = dict[str, Any]

MAX_KEPT: dict[Kind, int] = {"answers": 2000, "jobs": 200, "sessions": 10_000}
"""Records that one process keeps: the last so many. Ratings are kept for good."""
_KEPT_S = 7 * 24 * 3600
"""How long a database keeps all but ratings; no session lives longer."""
_PRUNED_EVERY_S = 300
_MAX_KEY_CHARS = 200
_CONNECT_S = 5
_HOW = (
    "Such as `postgresql+pg8000://USER:PASSWORD@HOST/DATABASE` or `sqlite:////FOLDER/FILE`; needs `pip install "
    "'dalil[replicas]'`."
)
_KEY = ("index_name", "kind", "id")


class Records(Protocol):
    """JSON objects by kind and id."""

    def save(self, kind: Kind, key: str, record: Record) -> None:
        """Keep a record in place of the earlier one of its id.

        Raises
        ------
        StoreError
            When it cannot be written.
        """

    def load(self, kind: Kind, key: str) -> Record | None:
        """The record of an id; None without one. Raises StoreError where it cannot be read."""

    def read_all(self, kind: Kind) -> list[Record]:
        """All of a kind, in the order in which their ids first came.

        Raises
        ------
        InputError
            When there is nothing that could be read.
        StoreError
            When it cannot be read.
        """

    def close(self) -> None:
        """Release everything; they are not used again."""


class LocalRecords:
    """Those of one process: answers and jobs in memory, ratings in a file, one JSON object a line.

    Parameters
    ----------
    ratings_file : Path
        Ratings are appended to it; the last of an answer counts.
    """

    def __init__(self, ratings_file: Path) -> None:
        self._file, self._lock = ratings_file, threading.Lock()
        self._kept: dict[Kind, OrderedDict[str, Record]] = {kind: OrderedDict() for kind in MAX_KEPT}

    def save(self, kind: Kind, key: str, record: Record) -> None:
        """Keep a record."""
        with self._lock:
            if kind == "ratings":
                self._append(record)
                return
            self._kept[kind][key] = record
            if len(self._kept[kind]) > MAX_KEPT[kind]:
                self._kept[kind].popitem(last=False)

    def load(self, kind: Kind, key: str) -> Record | None:
        """The record of an id."""
        with self._lock:
            return self._kept[kind].get(key)

    def read_all(self, kind: Kind) -> list[Record]:
        """All of a kind."""
        if kind != "ratings":
            return list(self._kept[kind].values())
        try:
            lines = self._file.read_text("utf-8").splitlines()
        except OSError as error:
            raise InputError(f"There are no ratings in {self._file}: {error.strerror}.") from None
        return list({rating["answer"]: rating for rating in map(json.loads, lines)}.values())

    def close(self) -> None:
        """Nothing is held."""

    def _append(self, record: Record) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(record, ensure_ascii=False) + "\n")
        except OSError as error:
            raise StoreError(f"The rating cannot be written to {self._file} ({error.strerror}).") from error


class DatabaseRecords:
    """Those of all replicas, in one table of a database, which is made where it is missing.

    Parameters
    ----------
    url : str
        Of the database, as SQLAlchemy has it.
    index : str
        Whose they are: several indexes may share a database.

    Raises
    ------
    SettingsError
        When the address names no database that can be spoken to.
    StoreError
        When it cannot be reached.
    """

    def __init__(self, url: str, index: str) -> None:
        self._index, self._url = index, url
        self._pruned = 0.0
        sql = _import_sqlalchemy()
        try:
            self._sql = sql
            columns = [sql.Column(name, sql.String(_MAX_KEY_CHARS), primary_key=True) for name in _KEY]
            seconds, text = sql.Column("written_at", sql.Double, index=True), sql.Column("record", sql.Text)
            self._table = sql.Table("dalil_records", sql.MetaData(), *columns, seconds, text)
            self._engine = sql.create_engine(url, pool_pre_ping=True, pool_timeout=_CONNECT_S)
        except (ImportError, sql.exc.ArgumentError) as error:
            raise SettingsError(f"DALIL_DATABASE_URL: {hide_secrets(str(error), [url])}. {_HOW}") from None
        self._create_table()

    def save(self, kind: Kind, key: str, record: Record) -> None:
        """Keep a record."""
        self._prune()
        text, row = json.dumps(record, ensure_ascii=False), self._row(kind, key)
        with self._connection() as connection:
            update = self._table.update().where(row).values(record=text)
            if connection.execute(update).rowcount:
                return
            values = {"index_name": self._index, "kind": kind, "id": key, "written_at": time.time(), "record": text}
            try:
                with connection.begin_nested():
                    connection.execute(self._table.insert().values(values))
            except self._sql.exc.IntegrityError:  # another replica was first
                connection.execute(update)

    def load(self, kind: Kind, key: str) -> Record | None:
        """The record of an id."""
        with self._connection() as connection:
            found = connection.execute(self._sql.select(self._table.c.record).where(self._row(kind, key))).scalar()
        return None if found is None else dict(json.loads(found))

    def read_all(self, kind: Kind) -> list[Record]:
        """All of a kind."""
        table = self._table.c
        mine = (table.index_name == self._index) & (table.kind == kind)
        with self._connection() as connection:
            found = connection.execute(
                self._sql.select(table.record).where(mine).order_by(table.written_at, table.id)
            ).scalars()
            return [json.loads(one) for one in found]

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _create_table(self) -> None:
        with self._connection() as connection:
            if not self._sql.inspect(connection).has_table(self._table.name):
                try:
                    with connection.begin_nested():
                        self._table.create(connection)
                except self._sql.exc.DBAPIError:  # another replica was first
                    self._sql.inspect(connection).get_columns(self._table.name)

    def _prune(self) -> None:
        """Delete what is old, now and then."""
        if time.monotonic() < self._pruned + _PRUNED_EVERY_S and self._pruned:
            return
        self._pruned = time.monotonic()
        table = self._table.c
        old = (table.kind.in_(list(MAX_KEPT))) & (table.written_at < time.time() - _KEPT_S)
        with self._connection() as connection:
            connection.execute(self._table.delete().where(old))

    def _row(self, kind: Kind, key: str) -> Any:
        table = self._table.c
        return (table.index_name == self._index) & (table.kind == kind) & (table.id == key)

    @contextmanager
    def _connection(self) -> "Iterator[Connection]":
        """A connection whose changes are committed when the block ends."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except (self._sql.exc.SQLAlchemyError, OSError) as error:
            where = self._engine.url.render_as_string(hide_password=True)
            reason = hide_secrets(str(error).split("\n")[0], [self._url, self._engine.url.password])
            raise StoreError(f"The database {where} of DALIL_DATABASE_URL cannot be used: {reason}") from error


def _import_sqlalchemy() -> Any:
    try:
        import sqlalchemy
    except ImportError as error:
        raise SettingsError(f"DALIL_DATABASE_URL: {error}. {_HOW}") from None
    return sqlalchemy


def open_records(settings: "Settings") -> Records:
    """The records that settings name.

    Raises
    ------
    SettingsError, StoreError
        As `DatabaseRecords` has them.
    """
    if settings.database_url is None:
        return LocalRecords(settings.feedback_file)
    return DatabaseRecords(settings.database_url.get_secret_value(), settings.qdrant_prefix)
