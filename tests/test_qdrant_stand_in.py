"""That the stand-in for a Qdrant server behaves as the server did on which it was modelled."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from tests.qdrant_servers import start_stand_ins
from tests.qdrant_stand_in import Fault, StandIn

POINTS = 60


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., StandIn]]:
    with start_stand_ins(tmp_path) as begin:
        yield begin


def connect(stand_in: StandIn, node: int = 0) -> QdrantClient:
    return QdrantClient(url=stand_in.urls[node], check_compatibility=False)


def create(client: QdrantClient, **options: int) -> None:
    """A collection of points, of which point n has the angle n and every third the term 7."""
    client.create_collection(
        "points",
        vectors_config={"dense": models.VectorParams(size=2, distance=models.Distance.DOT)},
        sparse_vectors_config={"words": models.SparseVectorParams(modifier=models.Modifier.IDF)},
        **options,
    )


def fill(client: QdrantClient) -> None:
    client.upsert(
        "points",
        [
            models.PointStruct(
                id=str(UUID(int=at)),
                vector={
                    "dense": [float(at), float(POINTS - at)],
                    "words": models.SparseVector(indices=[7 if at % 4 == 0 else 8], values=[1.0]),
                },
                payload={},
            )
            for at in range(POINTS)
        ],
    )


def find_words(client: QdrantClient) -> set[float]:
    """The different scores of the points that have the term 7."""
    query = models.QueryRequest(query=models.SparseVector(indices=[7], values=[1.0]), using="words", limit=POINTS)
    [answer] = client.query_batch_points("points", [query])
    assert len(answer.points) == POINTS / 4
    return {round(point.score, 5) for point in answer.points}


def test_rarity_is_that_of_a_shard(start):
    for shards, different in ((1, 1), (3, 1), (8, 2)):  # the ids of those with the term spread evenly over 3
        client = connect(start(shards=shards))
        create(client)
        fill(client)
        assert len(find_words(client)) == different
        client.close()


def test_a_shard_rescores_what_its_own_prefetches_found(start):
    def search(shards: int) -> int:
        client = connect(start(shards=shards))
        create(client)
        fill(client)
        prefetch = models.Prefetch(query=[1.0, 0.0], using="dense", limit=5)
        query = models.QueryRequest(prefetch=[prefetch], query=[0.0, 1.0], using="dense", limit=POINTS)
        [answer] = client.query_batch_points("points", [query])
        client.close()
        return len(answer.points)

    assert (search(1), search(3)) == (5, 15)


def test_what_exists_is_not_created_again_and_has_no_shards_at_first(start):
    client = connect(start(creation_s=0.2))
    create(client)
    with pytest.raises(UnexpectedResponse, match="409"):
        create(client)
    with pytest.raises(UnexpectedResponse, match="0 of 0 read operations failed"):
        client.get_collection("points")
    client.close()


@pytest.mark.parametrize(("replicas", "answers"), [(1, False), (2, True)])
def test_a_dead_node_takes_the_shards_along_that_no_other_has(start, replicas, answers):
    stand_in = start(nodes=3, shards=3, replicas=replicas)
    client = connect(stand_in, node=1)
    create(client)
    fill(client)
    stand_in.kill(0)
    if answers:
        assert client.count("points").count == POINTS
    else:
        with pytest.raises(UnexpectedResponse, match="read operations failed"):
            client.count("points")
    with pytest.raises(ResponseHandlingException):
        connect(stand_in, node=0).count("points")
    client.close()


def test_more_than_32_mb_are_refused(start):
    client = connect(start())
    create(client)
    with pytest.raises(UnexpectedResponse, match=r"400[\s\S]*larger than allowed \(limit: 33554432 bytes\)"):
        client.upsert(
            "points", [models.PointStruct(id=1, vector={}, payload={"text": "a" * 33_000_000 + "b" * 600_000})]
        )
    client.close()


def test_aliases_name_a_collection_and_change_all_at_once_or_not_at_all(start):
    client = connect(start())
    create(client)
    fill(client)
    client.create_collection("empty", vectors_config={})

    def make(alias: str, collection: str) -> models.CreateAliasOperation:
        return models.CreateAliasOperation(
            create_alias=models.CreateAlias(collection_name=collection, alias_name=alias)
        )

    client.update_collection_aliases([make("now", "points")])
    assert client.count("now").count == POINTS
    with pytest.raises(UnexpectedResponse, match="404"):
        client.update_collection_aliases([make("now", "empty"), make("then", "nowhere")])
    assert client.count("now").count == POINTS
    client.update_collection_aliases([make("now", "empty")])
    assert client.count("now").count == 0
    with pytest.raises(UnexpectedResponse, match="409"):
        client.update_collection_aliases([make("points", "empty")])
    client.delete_collection("empty")
    assert client.get_aliases().aliases == []
    client.close()


def test_faults_happen_as_often_as_they_were_asked_for(start):
    stand_in = start()
    client = connect(stand_in)
    create(client)
    stand_in.faults += [Fault("POST .*/count", status=503), Fault("POST .*/count")]
    with pytest.raises(UnexpectedResponse, match="503"):
        client.count("points")
    with pytest.raises(ResponseHandlingException):
        client.count("points")
    with stand_in.recorded() as requests:
        counting = threading.Thread(target=client.count, args=("points",))
        counting.start()
        counting.join()
    assert [request.path for request in requests] == ["/collections/points/points/count"]
    client.close()
