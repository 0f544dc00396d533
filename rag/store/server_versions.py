"""The versions of an index on a Qdrant server: one answers questions while another is built beside it.

The first version has plain names, `<prefix>_chunks` and `<prefix>_articles`; each later one adds its own to them. Two
aliases of each collection say which version is which: `..._current` answers, where there is none the first one does;
`..._next` is being built. All of them are changed by one request, which Qdrant applies as a whole.
"""

import re
import threading
import time
from typing import NamedTuple, Self

from qdrant_client import QdrantClient, models

from rag.errors import IndexMismatchError, InputError, StoreError
from rag.store.engine import Collection
from rag.store.fingerprint import IndexConfig
from rag.store.server_connection import mapped_errors

COLLECTIONS: tuple[Collection, ...] = ("articles", "chunks")
LOOK_EVERY_S = 10.0
"""How often a process that answers questions looks which version is the current one."""
_CURRENT, _NEXT = "current", "next"
_NAMED = re.compile(r"[0-9a-f]{8}_[0-9a-f]{8}_[0-9]+")
_DIGITS = 8


class Version(NamedTuple):
    """One of the versions of an index.

    Attributes
    ----------
    name : str
        What it adds to the names of its collections: the beginnings of the fingerprints of what decides on queries and
        of the whole configuration, and a number. Empty for the first.
    """

    name: str = ""

    @property
    def label(self) -> str:
        """Its name, for people."""
        return self.name or "first"

    @classmethod
    def of(cls, config: IndexConfig, number: int) -> Self:
        """A version made with a configuration."""
        return cls(f"{config.query_fingerprint[:_DIGITS]}_{config.fingerprint[:_DIGITS]}_{number}")

    def has_config(self, config: IndexConfig) -> bool:
        """Whether it was made with a configuration; False for the first, of which the name does not tell."""
        return self.name.startswith(self.of(config, 0).name[:-1])

    def answers_queries_of(self, config: IndexConfig) -> bool:
        """Whether queries that are embedded as a configuration has it find what they should."""
        return self.name.startswith(f"{config.query_fingerprint[:_DIGITS]}_")

    def collection(self, prefix: str, collection: Collection) -> str:
        """The name of one of its collections."""
        return "_".join(part for part in (prefix, collection, self.name) if part)


FIRST = Version()


class ServerVersions:
    """The versions of one index.

    Parameters
    ----------
    client : QdrantClient
        Of the server.
    prefix : str
        First part of the collections' names.
    url : str
        Where the server is, for messages.
    key : str, optional
        Of the server, to keep it out of messages.

    Attributes
    ----------
    prefix : str
        As it was given.
    """

    def __init__(self, client: QdrantClient, prefix: str, url: str, key: str | None = None) -> None:
        self._client, self.prefix = client, prefix
        self._url, self._key = url, key

    def find_current(self) -> Version:
        """The version that answers questions."""
        return self._find(_CURRENT) or FIRST

    def find_next(self) -> Version | None:
        """The version that is being built, or was when its build ended too early."""
        return self._find(_NEXT)

    def list_all(self) -> list[Version]:
        """Every version that has a collection."""
        with mapped_errors(self._url, self._key):
            names = {one.name for one in self._client.get_collections().collections}
        start = f"{self.prefix}_articles"
        found = [Version(name[len(start) + 1 :]) for name in names if name.startswith(f"{start}_")]
        first = [FIRST] if start in names else []
        return first + sorted(one for one in found if _NAMED.fullmatch(one.name))

    def choose_next(self, config: IndexConfig) -> Version:
        """A version that is not there yet."""
        names = {one.name for one in self.list_all()}
        number = next(at for at in range(1, len(names) + 2) if Version.of(config, at).name not in names)
        return Version.of(config, number)

    def begin(self, version: Version) -> None:
        """Make a version, whose collections are there, the next one."""
        self._change(_NEXT, version)

    def switch(self, version: Version) -> None:
        """Make the next version the current one, in one step."""
        self._change(_CURRENT, version, ends=_NEXT)

    def drop(self, version: Version) -> None:
        """Remove a version that is not the current one."""
        if version == self.find_next():
            self._change(None, version, ends=_NEXT)
        with mapped_errors(self._url, self._key):
            for collection in COLLECTIONS:
                self._client.delete_collection(version.collection(self.prefix, collection))

    def remove_empty(self, version: Version) -> None:
        """Remove the collections of a version, where there are any, to make them otherwise.

        Raises
        ------
        InputError
            When it has articles.
        """
        names = [version.collection(self.prefix, collection) for collection in COLLECTIONS]
        with mapped_errors(self._url, self._key):
            there = [name for name in names if self._client.collection_exists(name)]
            if names[0] in there and self._client.count(names[0], exact=True).count:
                raise InputError(
                    f"The index {self.prefix} on {self._url} is not empty. Choose another DALIL_QDRANT_PREFIX."
                )
            for name in there:
                self._client.delete_collection(name)

    def _find(self, role: str) -> Version | None:
        start = f"{self.prefix}_articles"
        name = self._read_aliases().get(f"{start}_{role}")
        return None if name is None else Version(name[len(start) + 1 :])

    def _read_aliases(self) -> dict[str, str]:
        """Of the whole server: each with its collection."""
        with mapped_errors(self._url, self._key):
            return {one.alias_name: one.collection_name for one in self._client.get_aliases().aliases}

    def _change(self, role: str | None, version: Version, ends: str | None = None) -> None:
        known = self._read_aliases().keys()
        operations: list[models.AliasOperations] = []
        for collection in COLLECTIONS:
            old = {f"{self.prefix}_{collection}_{one}" for one in (role, ends) if one}
            operations += [
                models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name))
                for name in sorted(old & known)
            ]
            if role:
                target = version.collection(self.prefix, collection)
                created = models.CreateAlias(collection_name=target, alias_name=f"{self.prefix}_{collection}_{role}")
                operations.append(models.CreateAliasOperation(create_alias=created))
        if operations:
            with mapped_errors(self._url, self._key):
                self._client.update_collection_aliases(operations)


class FollowedVersion:
    """The version that a process reads and writes: the current one as long as its configuration lets it.

    Parameters
    ----------
    versions : ServerVersions
        Of the index.
    fixed : Version, optional
        The one that is read and written whichever is the current one.

    Attributes
    ----------
    version : Version
        That is read.
    is_outdated : bool
        Whether the current one is made for other queries, so that a former one is read as long as it is there.
    """

    def __init__(self, versions: ServerVersions, fixed: Version | None = None) -> None:
        self._versions, self._fixed = versions, fixed
        self.version, self.is_outdated = fixed or FIRST, False
        self._opened = self.version
        self._config: IndexConfig | None = None
        self._looked_at, self._looking = 0.0, threading.Lock()

    def open(self, config: IndexConfig) -> None:
        """Choose the version, for a process with a configuration."""
        self._config = config
        self.version = self._opened = self._fixed or self._versions.find_current()
        self._looked_at = time.monotonic()

    def collection(self, collection: Collection) -> str:
        """The name of one of the collections of the version."""
        return self.version.collection(self._versions.prefix, collection)

    def is_due(self) -> bool:
        """Whether it is time to look again; True to one caller alone."""
        with self._looking:
            is_due = self._fixed is None and time.monotonic() > self._looked_at + LOOK_EVERY_S
            if is_due:
                self._looked_at = time.monotonic()
            return is_due

    def look(self) -> bool:
        """Look which version is the current one; gives whether another one is read from now on."""
        if self._fixed is not None or self._config is None:
            return False
        current = self._versions.find_current()
        self._looked_at = time.monotonic()
        is_another = current != self.version
        self.is_outdated = is_another and not current.answers_queries_of(self._config)
        if not is_another or self.is_outdated:
            return False
        self.version = current
        return True

    def check_readable(self) -> None:
        """Called where the version that is read has gone.

        Raises
        ------
        IndexMismatchError
            When that is because another one took its place.
        """
        if self.is_outdated:
            raise IndexMismatchError(
                "The index was built again with other settings, and the former one was removed. Start this process "
                "again with those settings."
            )

    def check_writable(self) -> None:
        """Called before anything is committed.

        Raises
        ------
        IndexMismatchError
            When the current version has another configuration than this process, as far as it knows.
        """
        is_ours = self.version == self._opened or (self._config and self.version.has_config(self._config))
        if self.is_outdated or not is_ours:
            raise IndexMismatchError(
                "The index was built again with other settings: this process may read it, and no longer write to it. "
                "Start it again with those settings."
            )

    def report_move(self) -> None:
        """Called after something was committed to a version whose place another one has taken since it was looked.

        Raises
        ------
        IndexMismatchError
            As `check_writable`.
        StoreError
            Else: the current version may lack what was committed.
        """
        self.check_writable()
        raise StoreError("The index was built again meanwhile. Run the same command again: it goes on there.")
