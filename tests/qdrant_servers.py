"""Qdrant servers that tests use: the one that is set, or stand-ins for one."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from qdrant_client import QdrantClient

from tests.qdrant_stand_in import StandIn

SERVER = "DALIL_TEST_QDRANT_URL"
"""Names a real one."""


@contextmanager
def start_stand_ins(folder: Path) -> Iterator[Callable[..., StandIn]]:
    """Gives what starts stand-ins, by the options of `StandIn`, and ends them all."""
    started: list[StandIn] = []

    def start(**options: float) -> StandIn:
        started.append(StandIn(folder / str(len(started)), **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


def remove_indexes(url: str, *prefixes: str) -> None:
    """Delete the collections of these prefixes that are there, of every version of an index."""
    with closing(QdrantClient(url=url, check_compatibility=False)) as client:
        for one in client.get_collections().collections:
            if one.name.startswith(prefixes):
                client.delete_collection(one.name)
