"""A stand-in for a Qdrant server or cluster, for tests where there is none: the same REST interface over shards of
Qdrant Edge, with the failures that operators see.

What it stands for: shards (`tests/qdrant_shards.py`), refusals with the status and body of Qdrant 1.19, nodes that die
with the shards whose last replica they hold, hanging and broken answers. What it does not: replicas that lag behind
each other, approximate search, consensus. `DALIL_TEST_QDRANT_URL` runs the same tests on a real one.
"""

import argparse
import gzip
import json
import math
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.qdrant_shards import DEFAULT_OPTIMIZERS, Json, ShardedCollection

MAX_BODY_BYTES = 32 * 1024 * 1024
"""Of a server that was not told otherwise."""
_WAIT_S = 0.02
_COMPRESSION = 6
"""That of Actix, which a server answers with."""
_UPDATED = {"operation_id": 0, "status": "completed"}


class Refusal(Exception):
    """An answer that is none: its status, its message, and headers."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self.status, self.message, self.headers = status, message, headers or {}


class Request(NamedTuple):
    """A request that was answered, with the bytes of its body and of the answer's as they are sent, and when it
    began and ended, in seconds."""

    method: str
    path: str
    sent: int
    received: int
    began: float
    ended: float


def count_trips(requests: Sequence[Request]) -> int:
    """How often somebody waited: the most requests of which each began when the one before it had ended."""
    trips, ended = 0, -math.inf
    for request in sorted(requests, key=lambda one: one.ended):
        if request.began >= ended:
            trips, ended = trips + 1, request.ended
    return trips


@dataclass
class Fault:
    """What happens to requests whose method and path match a pattern, a number of times.

    Attributes
    ----------
    pattern : str
        Of `METHOD path`.
    times : int
        How often; reduced as it happens.
    status : int
        Of the answer; 0: the connection is closed without one.
    seconds : float
        To wait before that. With `is_late`, the request is then done as if nothing had happened.
    """

    pattern: str
    times: int = 1
    status: int = 0
    message: str = "Service internal error: test"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    is_late: bool = False


class StandIn:
    """A cluster.

    Parameters
    ----------
    folder : Path
        Of its shards.
    nodes : int
        Each listens on a port of its own, and answers for all.
    shards : int
        Of a collection that is made without a number.
    replicas : int
        Likewise. Shard `i` lies on node `i` and those after it.
    creation_s : float
        After a collection was made, its shards are not there for so long.

    Attributes
    ----------
    requests : list of Request
        Answered so far.
    faults : list of Fault
        The first that matches happens.
    latency_s : float
        Before each answer, which makes requests overlap that are sent at once.
    """

    def __init__(
        self, folder: Path, nodes: int = 1, shards: int = 1, replicas: int = 1, creation_s: float = 0.0
    ) -> None:
        self._folder, self._shard_number, self._replicas = folder, shards, replicas
        self._creation_s = creation_s
        self._collections: dict[str, ShardedCollection] = {}
        self._ready_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.latency_s = 0.0
        self._node_count = nodes
        self._servers = dict(enumerate(_listen(self) for _ in range(nodes)))
        self.urls = [f"http://127.0.0.1:{server.server_port}" for server in self._servers.values()]

    @property
    def url(self) -> str:
        """Of its first node."""
        return self.urls[0]

    def kill(self, node: int) -> None:
        """End a node, and what lies on it alone."""
        server = self._servers.pop(node)
        server.shutdown()
        server.server_close()

    def close(self) -> None:
        for node in list(self._servers):
            self.kill(node)
        for collection in self._collections.values():
            collection.close()

    @contextmanager
    def recorded(self) -> Iterator[list[Request]]:
        """The requests that are answered meanwhile."""
        before, made = len(self.requests), []
        yield made
        made += self.requests[before:]

    def answer(self, method: str, path: str, body: Json) -> Any:
        """The `result` of a request."""
        name, _, rest = path.removeprefix("/collections/").partition("/")
        if method == "PUT" and not rest:
            return self._create(name, body)
        if rest == "exists":
            return {"exists": name in self._collections}
        if name not in self._collections:
            raise Refusal(404, f"Not found: Collection `{name}` doesn't exist!")
        if method == "DELETE" and not rest:
            self._collections.pop(name).close()
            return True
        collection = self._collections[name]
        self._check_shards(name, collection)
        if method == "GET":
            return _describe(collection)
        return _ROUTES[method, rest](collection, body)

    def _create(self, name: str, body: Json) -> bool:
        with self._lock:
            if name in self._collections:
                raise Refusal(409, f"Wrong input: Collection `{name}` already exists!")
            body.setdefault("replication_factor", self._replicas)
            folder = self._folder / f"{name}-{len(self._ready_at)}"
            self._collections[name] = ShardedCollection(folder, body, self._shard_number)
            self._ready_at[name] = time.monotonic() + self._creation_s
        return True

    def _check_shards(self, name: str, collection: ShardedCollection) -> None:
        if time.monotonic() < self._ready_at[name]:
            raise Refusal(500, "Service internal error: 0 of 0 read operations failed")
        for shard in range(len(collection.shards)):
            nodes = {(shard + copy) % self._node_count for copy in range(collection.config["replication_factor"])}
            if not nodes & self._servers.keys():
                raise Refusal(500, "Service internal error: 1 of 1 read operations failed")

    def find_fault(self, request: str) -> Fault | None:
        """What is to happen to a request."""
        with self._lock:
            for fault in self.faults:
                if fault.times and re.search(fault.pattern, request):
                    fault.times -= 1
                    return fault
        return None


def _update(write: Callable[[ShardedCollection, Json], None]) -> Callable[[ShardedCollection, Json], Json]:
    def answer(collection: ShardedCollection, body: Json) -> Json:
        write(collection, body)
        return dict(_UPDATED)

    return answer


def _delete(collection: ShardedCollection, body: Json) -> None:
    if "filter" in body:
        collection.delete_by_filter(body["filter"])
    else:
        collection.delete(body["points"])


def _set_payloads(collection: ShardedCollection, body: Json) -> list[Json]:
    done = []
    for operation in body["operations"]:
        collection.set_payload(operation["set_payload"]["payload"], operation["set_payload"]["filter"])
        done.append(dict(_UPDATED))
    return done


_ROUTES: dict[tuple[str, str], Callable[[ShardedCollection, Json], Any]] = {
    ("PUT", "index"): _update(lambda one, body: one.create_index(body["field_name"], body["field_schema"])),
    ("PUT", "points"): _update(lambda one, body: one.upsert(body["points"])),
    ("POST", "points/delete"): _update(_delete),
    ("POST", "points/batch"): _set_payloads,
    ("POST", "points"): ShardedCollection.retrieve,
    ("POST", "points/scroll"): ShardedCollection.scroll,
    ("POST", "points/count"): lambda one, body: {"count": one.count(body)},
    ("POST", "facet"): lambda one, body: {"hits": one.facet(body)},
    ("POST", "points/query/batch"): lambda one, body: [{"points": one.query(query)} for query in body["searches"]],
}


def _describe(collection: ShardedCollection) -> Json:
    """A collection as a server tells of it, with its defaults where they are asked for in vain."""
    asked = collection.config
    names = ("vectors", "sparse_vectors", "replication_factor", "write_consistency_factor", "on_disk_payload")
    params = {name: asked[name] for name in names if asked.get(name) is not None}
    optimizers = DEFAULT_OPTIMIZERS | {"default_segment_number": 0, "flush_interval_sec": 5}
    return {
        "status": "green",
        "optimizer_status": "ok",
        "points_count": collection.count({}),
        "segments_count": 1,
        "config": {
            "params": params | {"shard_number": len(collection.shards)},
            "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
            "optimizer_config": optimizers | (asked.get("optimizers_config") or {}),
        },
        "payload_schema": collection.payload_schema,
    }


def _listen(stand_in: StandIn) -> ThreadingHTTPServer:
    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(_WAIT_S,), daemon=True).start()
    return server


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Whoever asked has gone: no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stand_in: StandIn

    def do_GET(self) -> None:
        self._began = time.monotonic()
        path = urlsplit(self.path).path
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.server.socket.fileno() < 0:  # the node was killed
            self.close_connection = True
            return
        fault = self.stand_in.find_fault(f"{self.command} {path}")
        if fault:
            time.sleep(fault.seconds)
            if not fault.is_late:
                self._break(fault)
                return
        try:
            if length > MAX_BODY_BYTES:
                limit = f"is larger than allowed (limit: {MAX_BODY_BYTES} bytes)"
                raise Refusal(400, f"Payload error: JSON payload ({length} bytes) {limit}.")
            result = self.stand_in.answer(self.command, path, json.loads(body or b"{}"))
            self._send(200, {"result": result, "status": "ok", "time": 0.0}, length)
        except Refusal as refusal:
            self._send(refusal.status, _error(refusal.message), length, refusal.headers)
        except Exception as error:
            self._send(400, _error(f"Wrong input: {error!r}"), length)

    do_PUT = do_POST = do_DELETE = do_GET

    def _break(self, fault: Fault) -> None:
        if fault.status:
            self._send(fault.status, _error(fault.message), 0, fault.headers)
        self.close_connection = True

    def _send(self, status: int, body: Json, sent: int, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", **(headers or {})}
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            content, headers["Content-Encoding"] = gzip.compress(content, _COMPRESSION), "gzip"
        time.sleep(self.stand_in.latency_s)
        times = (self._began, time.monotonic())
        self.stand_in.requests.append(Request(self.command, urlsplit(self.path).path, sent, len(content), *times))
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:  # whoever asked has gone
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def _error(message: str) -> Json:
    return {"status": {"error": message}, "time": 0.0}


def _main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for a Qdrant server, until Ctrl-C.")
    parser.add_argument("--shards", type=int, default=1)
    with tempfile.TemporaryDirectory() as folder:
        stand_in = StandIn(Path(folder), shards=parser.parse_args().shards)
        print(stand_in.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            stand_in.close()


if __name__ == "__main__":
    _main()
