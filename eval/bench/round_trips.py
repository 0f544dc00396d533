"""What a question asks of a Qdrant server: `DALIL_QDRANT_URL=... python -m eval.bench.round_trips`.

The gold set's articles are ingested into the folder and into the server, and its questions asked of both, through a
relay that counts. Prints one JSON object: requests, bytes that came (as they were sent, compressed), and round trips,
that is the most requests of which each waited for the one before; the means over questions to a service that has just
started, to one that answers one question after the other, and to one that is asked all of them again; and how far the
scores are from those of the folder.
"""

import http.client
import json
import math
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import astuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

from eval.datasets import read_gold_set
from ingest.indexer import Indexer
from ingest.sync import Sync
from rag.answering.assistant import Assistant
from rag.settings import Settings, load_settings

_LATENCY_S = 0.05
"""Added to each request, so that those that are sent at once overlap."""
_QUESTIONS, _COLD_QUESTIONS = 40, 8
_ARTICLES = Path("articles")
_PARTS = {
    "counts": "/points/count",
    "candidates": "/query/batch",
    "texts": "_articles/points",
    "vectors": "_chunks/points",
}
"""What a request brings, by the end of its path."""


class _Exchange(NamedTuple):
    """A request that went through the relay: its path, bytes of the answer, and when it began and ended, in seconds."""

    path: str
    received: int
    began: float
    ended: float


class _Relay(ThreadingHTTPServer):
    """Passes requests on to a server, and notes them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _RelayHandler)
        self.target, self.exchanges = urlsplit(target), list[_Exchange]()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _RelayHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Relay

    def do_GET(self) -> None:
        began = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.server.target
        kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        with closing(kind(target.netloc)) as connection:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        time.sleep(_LATENCY_S)
        self.server.exchanges.append(_Exchange(urlsplit(self.path).path, len(content), began, time.monotonic()))
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "date", "server", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_PUT = do_POST = do_DELETE = do_PATCH = do_GET

    def log_message(self, *_: object) -> None:
        """One line of figures is printed, and nothing else."""


def count_trips(exchanges: Iterable[_Exchange]) -> int:
    """The most requests of which each began when the one before it had ended."""
    trips, ended = 0, -math.inf
    for exchange in sorted(exchanges, key=lambda one: one.ended):
        if exchange.began >= ended:
            trips, ended = trips + 1, exchange.ended
    return trips


def measure_round_trips(settings: Settings, folder: Path) -> dict[str, object]:
    """Requests, bytes and trips of questions to the server that `settings` name.

    Parameters
    ----------
    settings : Settings
        Of the server.
    folder : Path
        Empty, for the index that it is compared with.
    """
    relay = _Relay(str(settings.qdrant_url))
    on_server = settings.model_copy(
        update={"qdrant_url": relay.url, "qdrant_prefix": f"bench_{uuid4().hex[:8]}", "data_dir": folder / "server"}
    )
    in_folder = settings.model_copy(update={"qdrant_url": None, "data_dir": folder / "folder"})
    gold = [question.text for question in read_gold_set()]
    questions = gold[:: max(1, len(gold) // _QUESTIONS)]
    with Assistant.from_settings(on_server) as assistant, Assistant.from_settings(in_folder) as other:
        for one in (assistant, other):
            _ingest(one, settings)
        difference = _measure_difference(assistant, other, questions)
    first: list[list[_Exchange]] = []
    for question in questions[:: max(1, len(questions) // _COLD_QUESTIONS)]:
        with Assistant.from_settings(on_server) as assistant:
            first += _record(relay, assistant.ask, [question])
    figures: dict[str, object] = {"score_difference": difference, "just_started": _summarize(first)}
    with Assistant.from_settings(on_server) as assistant:
        for name in ("one_after_the_other", "again"):
            figures[name] = _summarize(_record(relay, assistant.ask, questions))
    return figures


def _ingest(assistant: Assistant, settings: Settings) -> None:
    indexer = Indexer(assistant.store, lambda: assistant.encoder, settings.chunk_tokens)
    Sync(assistant.store, indexer, settings.max_article_chars).ingest([_ARTICLES], lambda progress: None)


def _measure_difference(one: Assistant, other: Assistant, questions: Iterable[str]) -> float:
    """The greatest difference of any score of any hit; infinite where the hits are others."""
    greatest = 0.0
    for question in questions:
        found, expected = ({hit.chunk_id: hit for hit in each.search(question).hits} for each in (one, other))
        if list(found) != list(expected):
            return math.inf
        for key, hit in found.items():
            pairs = zip(astuple(hit.scores), astuple(expected[key].scores), strict=True)
            greatest = max(greatest, *(abs(a - b) for a, b in pairs), abs(hit.score - expected[key].score))
    return greatest


def _record(relay: _Relay, ask: Callable[[str], object], questions: Iterable[str]) -> list[list[_Exchange]]:
    found = []
    for question in questions:
        relay.exchanges.clear()
        ask(question)
        found.append(list(relay.exchanges))
    return found


def _summarize(questions: list[list[_Exchange]]) -> dict[str, object]:
    received = [sum(exchange.received for exchange in exchanges) for exchanges in questions]
    return {
        "questions": len(questions),
        "requests": round(statistics.mean(map(len, questions)), 1),
        "round_trips": round(statistics.mean(map(count_trips, questions)), 2),
        "kilobytes": round(statistics.mean(received) / 1000, 1),
        "kilobytes_at_most": round(max(received) / 1000, 1),
        "kilobytes_by_part": {part: _mean_kilobytes(questions, end) for part, end in _PARTS.items()},
    }


def _mean_kilobytes(questions: list[list[_Exchange]], end: str) -> float:
    """Of the requests whose paths end so."""
    of_part = (sum(one.received for one in each if one.path.endswith(end)) for each in questions)
    return round(statistics.mean(of_part) / 1000, 1)


if __name__ == "__main__":
    bench_settings = load_settings()
    if not bench_settings.qdrant_url:
        sys.exit("Set DALIL_QDRANT_URL: `python -m tests.qdrant_stand_in` starts a stand-in for a server.")
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(measure_round_trips(bench_settings, Path(temporary)), indent=1))
