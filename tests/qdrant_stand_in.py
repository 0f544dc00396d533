"""A stand-in for a Qdrant server or cluster, for tests where there is none: the same REST interface over shards of
Qdrant Edge, with the failures that operators see.

What it stands for: shards (`tests/qdrant_shards.py`), refusals with the status and body of Qdrant 1.19, nodes that die
with the shards whose last replica they hold, hanging and broken answers. What it does not: replicas that lag behind
each other, approximate search, consensus. `DALIL_TEST_QDRANT_URL` runs the same tests on a real one.
"""

import argparse
import gzip
import hashlib
import json
import math
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

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
    skipped : int
        Requests that match and are let pass before; reduced likewise.
    before : callable
        Done when one happens.
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
    skipped: int = 0
    before: Callable[[], object] = lambda: None


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
    snapshots : dict of str to bytes
        That were made and not removed.
    checksum : str
        That the last upload was sent with.
    latency_s : float
        Before each answer, which makes requests overlap that are sent at once.
    """

    def __init__(
        self, folder: Path, nodes: int = 1, shards: int = 1, replicas: int = 1, creation_s: float = 0.0
    ) -> None:
        self._folder, self._shard_number, self._replicas = folder, shards, replicas
        self._creation_s = creation_s
        self._collections: dict[str, ShardedCollection] = {}
        self._aliases: dict[str, str] = {}
        self._ready_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self.snapshots: dict[str, bytes] = {}
        self.checksum = ""
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.latency_s = 0.0
        self._node_count = nodes
        self._servers = dict(enumerate(_listen(self, node) for node in range(nodes)))
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

    def answer(self, method: str, path: str, body: Json, node: int = 0) -> Any:
        """The `result` of a request to a node; bytes are the whole answer."""
        if path == "/":
            return json.dumps({"title": "qdrant - vector search engine", "version": "1.19.0"}).encode()
        if path == "/aliases":
            pairs = self._aliases.items()
            return {"aliases": [{"alias_name": alias, "collection_name": name} for alias, name in pairs]}
        if path == "/collections":
            return {"collections": [{"name": name} for name in self._collections]}
        if path == "/collections/aliases":
            return self._change_aliases(body["actions"])
        name, _, rest = path.removeprefix("/collections/").partition("/")
        name = self._aliases.get(name, name)
        if method == "PUT" and not rest:
            return self._create(name, body)
        if rest == "exists":
            return {"exists": name in self._collections}
        if name not in self._collections:
            raise Refusal(404, f"Not found: Collection `{name}` doesn't exist!")
        if method == "DELETE" and not rest:
            self._aliases = {alias: one for alias, one in self._aliases.items() if one != name}
            self._collections.pop(name).close()
            return True
        collection = self._collections[name]
        self._check_shards(name, collection)
        if rest == "cluster":
            return self._describe_shards(collection, node)
        if found := re.fullmatch(r"shards/(\d+)/snapshots/?(.*)", rest):
            return self._snapshots(method, f"{name}/{found[1]}", found[2], body, node)
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

    def _change_aliases(self, actions: list[Json]) -> bool:
        """All of them or, where one is wrong, none."""
        aliases = dict(self._aliases)
        for action in actions:
            [(kind, change)] = action.items()
            if kind == "delete_alias":
                if aliases.pop(change["alias_name"], None) is None:
                    raise Refusal(404, f"Not found: Alias {change['alias_name']} does not exists!")
            elif change["collection_name"] not in self._collections:
                raise Refusal(404, f"Not found: Collection `{change['collection_name']}` doesn't exist!")
            elif change["alias_name"] in self._collections:
                raise Refusal(409, f"Wrong input: Collection `{change['alias_name']}` already exists!")
            else:
                aliases[change["alias_name"]] = change["collection_name"]
        self._aliases = aliases
        return True

    def _check_shards(self, name: str, collection: ShardedCollection) -> None:
        if time.monotonic() < self._ready_at[name]:
            raise Refusal(500, "Service internal error: 0 of 0 read operations failed")
        for shard in range(len(collection.shards)):
            if not self._find_nodes(shard, collection) & self._servers.keys():
                raise Refusal(500, "Service internal error: 1 of 1 read operations failed")

    def _find_nodes(self, shard: int, collection: ShardedCollection) -> set[int]:
        return {(shard + copy) % self._node_count for copy in range(collection.config["replication_factor"])}

    def _describe_shards(self, collection: ShardedCollection, node: int) -> Json:
        here = [at for at in range(len(collection.shards)) if node in self._find_nodes(at, collection)]
        shards = [{"shard_id": at, "points_count": 0, "state": "Active"} for at in here]
        return {"peer_id": node, "shard_count": len(collection.shards), "local_shards": shards, "remote_shards": []}

    def _snapshots(self, method: str, shard: str, name: str, body: Any, node: int) -> Any:
        collection, at = self._collections[shard.split("/")[0]], int(shard.split("/")[1])
        if node not in self._find_nodes(at, collection):
            raise Refusal(404, f"Not found: shard {at} is not on this node")
        if method == "POST" and name == "upload":
            if hashlib.sha256(body).hexdigest() != self.checksum:
                raise Refusal(400, "Bad request: Snapshot checksum mismatch")
            collection.restore_shard(at, body)
            return True
        if method == "POST":
            content = collection.save_shard(at)
            made = f"{shard.replace('/', '-')}-{len(self.requests)}.snapshot"
            self.snapshots[made] = content
            return {"name": made, "size": len(content), "checksum": hashlib.sha256(content).hexdigest()}
        if name not in self.snapshots:
            raise Refusal(404, f"Not found: Snapshot {name} not found")
        return self.snapshots[name] if method == "GET" else bool(self.snapshots.pop(name))

    def find_fault(self, request: str) -> Fault | None:
        """What is to happen to a request."""
        with self._lock:
            for fault in self.faults:
                if fault.times and re.search(fault.pattern, request):
                    if fault.skipped:
                        fault.skipped -= 1
                        return None
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


def _listen(stand_in: StandIn, node: int) -> ThreadingHTTPServer:
    handler = type("Handler", (_Handler,), {"stand_in": stand_in, "node": node})
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
    node: int

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
            fault.before()
            time.sleep(fault.seconds)
            if not fault.is_late:
                self._break(fault)
                return
        try:
            is_upload = path.endswith("/upload")
            if length > MAX_BODY_BYTES and not is_upload:
                limit = f"is larger than allowed (limit: {MAX_BODY_BYTES} bytes)"
                raise Refusal(400, f"Payload error: JSON payload ({length} bytes) {limit}.")
            asked = self._read_upload(body) if is_upload else json.loads(body or b"{}")
            result = self.stand_in.answer(self.command, path, asked, self.node)
            self._send(200, result if isinstance(result, bytes) else {"result": result, "status": "ok"}, length)
        except Refusal as refusal:
            self._send(refusal.status, _error(refusal.message), length, refusal.headers)
        except Exception as error:
            self._send(400, _error(f"Wrong input: {error!r}"), length)

    do_PUT = do_POST = do_DELETE = do_GET

    def _read_upload(self, body: bytes) -> bytes:
        """The file of a form."""
        self.stand_in.checksum = parse_qs(urlsplit(self.path).query).get("checksum", [""])[0]
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        [part] = message_from_bytes(head + body, policy=HTTP).iter_parts()
        return bytes(part.get_payload(decode=True))

    def _break(self, fault: Fault) -> None:
        if fault.status:
            self._send(fault.status, _error(fault.message), 0, fault.headers)
        self.close_connection = True

    def _send(self, status: int, body: Json | bytes, sent: int, headers: dict[str, str] | None = None) -> None:
        is_file = isinstance(body, bytes)
        content = body if is_file else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", **(headers or {})}
        if not is_file and "gzip" in self.headers.get("Accept-Encoding", ""):
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
