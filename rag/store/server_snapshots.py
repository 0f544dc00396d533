"""Snapshots of an index on a Qdrant server or cluster, in a folder of ours, and back into an empty index.

One of each shard, whichever node it is on: a snapshot of a collection has the shards of one node alone, and where
shards have several replicas Qdrant leaves them half restored (qdrant/qdrant issues 6575 and 7851). The collections
themselves are made as settings have it, so that another number of nodes and of replicas may be restored to; the number
of shards is that of the snapshots.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from rag.errors import InputError, StoreError
from rag.store.engine import Collection
from rag.store.server_connection import mapped_errors
from rag.store.server_transport import split_urls

MANIFEST = "snapshots.json"
_FORMAT = "dalil-snapshots"
_PART_BYTES = 1 << 20
_CONNECT_S, _SNAPSHOT_S = 5.0, 3600.0
"""A server answers when the snapshot is made, or restored: of gigabytes, after minutes."""
_ACTIVE = "Active"


class ShardFile(BaseModel):
    """A snapshot of a shard in the folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shard: int
    file: str
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a folder of snapshots holds.

    Attributes
    ----------
    format : str
        That it is one.
    qdrant : str
        Version of the server.
    fingerprint, config : str
        Of the index.
    articles, chunks : int
        That it has.
    shards : dict of str to list of ShardFile
        By collection.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str = _FORMAT
    qdrant: str
    fingerprint: str
    config: str
    articles: int
    chunks: int
    shards: dict[Collection, list[ShardFile]]

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read it, and check that every file is there, and whole.

        Raises
        ------
        InputError
            Else.
        """
        try:
            manifest = cls.model_validate_json((folder / MANIFEST).read_bytes())
        except OSError as error:
            raise InputError(f"{folder} holds no snapshots: {MANIFEST} cannot be read ({error.strerror}).") from None
        except ValidationError:
            raise InputError(f"{folder / MANIFEST} is none of `dalil snapshot`.") from None
        for one in (one for files in manifest.shards.values() for one in files):
            if manifest.format != _FORMAT or Path(one.file).name != one.file:
                raise InputError(f"{folder / MANIFEST} is none of `dalil snapshot`.")
            if not (folder / one.file).is_file() or _hash_file(folder / one.file) != one.sha256:
                raise InputError(f"{folder / one.file} is missing or damaged. Nothing was restored.")
        return manifest

    def write(self, folder: Path) -> None:
        """Write it: a folder without it holds no snapshots."""
        (folder / MANIFEST).write_text(json.dumps(self.model_dump(), indent=1) + "\n", "utf-8")


class _Place(NamedTuple):
    """Where a shard is."""

    node: str
    collection: str
    shard: int

    @property
    def path(self) -> str:
        return f"{self.node}/collections/{self.collection}/shards/{self.shard}/snapshots"


class SnapshotClient:
    """Makes, fetches and restores snapshots of shards.

    Parameters
    ----------
    urls : str
        Of all nodes of a cluster, parted by commas: a node makes snapshots of its own shards alone.
    key : str or None
        Of the server.
    ca_file : str or None
        Certificate authority of the server, when it is not one that the system knows.
    """

    def __init__(self, urls: str, key: str | None, ca_file: str | None) -> None:
        self._nodes, self._urls, self._key = split_urls(urls), urls, key
        self._client = httpx.Client(
            headers={"api-key": key} if key else {},
            verify=httpx.create_ssl_context(verify=ca_file or True) if "https:" in urls else False,
            timeout=httpx.Timeout(_SNAPSHOT_S, connect=_CONNECT_S),
        )

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def read_version(self) -> str:
        """Of the server."""
        with self._mapped_errors():
            answer = _check(self._client.get(f"{self._nodes[0]}/"))
            return str(answer.json().get("version", ""))

    def save(self, collection: str, folder: Path, name: str) -> list[ShardFile]:
        """Make a snapshot of each shard of a collection, and fetch it into a folder.

        Parameters
        ----------
        collection : str
            As the server calls it.
        folder : Path
            Of the files.
        name : str
            First part of the files' names.
        """
        return [
            self._save_shard(place, folder, f"{name}-{place.shard}.snapshot")
            for place in self._find_shards(collection).values()
        ]

    def restore(self, collection: str, folder: Path, files: list[ShardFile]) -> None:
        """Put snapshots in the place of the shards of a collection, on one of their nodes each; the server brings them
        to the other replicas."""
        places = self._find_shards(collection)
        if {one.shard for one in files} != places.keys():
            raise StoreError(
                f"The collection {collection} has the shards {sorted(places)}, not those of the snapshots."
            )
        for one in files:
            parameters = {"priority": "snapshot", "wait": "true", "checksum": one.sha256}
            with self._mapped_errors(), (folder / one.file).open("rb") as file:
                upload = {"snapshot": (one.file, file, "application/octet-stream")}
                _check(self._client.post(f"{places[one.shard].path}/upload", params=parameters, files=upload))

    def _save_shard(self, place: _Place, folder: Path, name: str) -> ShardFile:
        with self._mapped_errors():
            made: Mapping[str, Any] = _check(self._client.post(place.path, params={"wait": "true"})).json()["result"]
            address = f"{place.path}/{made['name']}"
            try:
                self._download(address, folder / name)
            finally:
                _check(self._client.delete(address, params={"wait": "true"}))
        digest = _hash_file(folder / name)
        if made.get("checksum") not in (None, digest):
            raise StoreError(f"The snapshot of {place.collection} came damaged from {place.node}. Make it again.")
        return ShardFile(shard=place.shard, file=name, bytes=(folder / name).stat().st_size, sha256=digest)

    def _download(self, address: str, path: Path) -> None:
        with self._client.stream("GET", address) as answer, path.open("wb") as file:
            if not answer.is_success:
                answer.read()
            for part in _check(answer).iter_bytes(_PART_BYTES):
                file.write(part)

    def _find_shards(self, collection: str) -> dict[int, _Place]:
        """Of each shard the first node that has it whole."""
        places: dict[int, _Place] = {}
        expected = 0
        for node in self._nodes:
            with self._mapped_errors():
                state = _check(self._client.get(f"{node}/collections/{collection}/cluster")).json()["result"]
            expected = state["shard_count"]
            for shard in state["local_shards"]:
                if shard["state"] == _ACTIVE:
                    places.setdefault(shard["shard_id"], _Place(node, collection, shard["shard_id"]))
        if len(places) < expected:
            raise StoreError(
                f"Only {len(places)} of {expected} shards of {collection} are on {self._urls}: DALIL_QDRANT_URL must "
                "name every node of the cluster, parted by commas, and all of them must run."
            )
        return dict(sorted(places.items()))

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        with mapped_errors(self._urls, self._key):
            try:
                yield
            except httpx.HTTPError as error:
                raise ResponseHandlingException(error) from error


def _check(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        raise UnexpectedResponse.for_response(answer)
    return answer


def _hash_file(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while part := file.read(_PART_BYTES):
            digest.update(part)
    return digest.hexdigest()
