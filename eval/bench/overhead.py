"""The time that Dalil adds to a model's own: `python -m eval.bench.overhead --chunks 10000`.

`dalil serve` runs as it does for people, over an index like that of `eval.bench`; its model is an endpoint on loopback
that quotes the passages it is given, word by word at a steady pace. Prints one JSON object, in milliseconds:
`before_model_ms` from the request until its first byte is at the endpoint, with the stages it consists of, and
`event_ms` from an event of the endpoint until the event that it sets free is at Dalil's client. Words that wait for
their sentence to be verified wait for the model; that is no time of Dalil's.
"""

import argparse
import bisect
import json
import re
import statistics
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from eval.bench.serving import run_service
from eval.bench.speed import fill_index
from eval.datasets import read_gold_set
from rag.answering.assistant import Assistant
from rag.language.document import Document
from rag.language.languages import DEFAULT_LANGUAGE
from rag.settings import load_settings

_PASSAGE = re.compile(r'<passage number="([0-9]+)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
_QUOTED_PASSAGES = 2
"""Passages that the endpoint quotes a sentence of."""
_WARM_UP = 5
_STAGES = ("embed", "store", "rank")
"""Of Dalil's own timings, those before the model; the rest is the prompt, the threads and HTTP both ways."""


@dataclass(slots=True)
class ModelCall:
    """What the endpoint notes of one call.

    Attributes
    ----------
    arrived : float
        When its first line came, in seconds of `time.perf_counter`.
    sent : list of float
        When each event was sent.
    """

    arrived: float
    sent: list[float] = field(default_factory=list)


class QuotingEndpoint(ThreadingHTTPServer):
    """An OpenAI-compatible endpoint on loopback that quotes the passages of its prompt.

    Parameters
    ----------
    pace_s : float
        Seconds between two of its events.

    Attributes
    ----------
    calls : list of ModelCall
        That it answered.
    variables : dict of str to str
        Environment variables with which Dalil asks it whatever the question is.
    """

    daemon_threads = True

    def __init__(self, pace_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pace_s = pace_s
        self.calls: list[ModelCall] = []
        self.variables = {
            "DALIL_LLM_BASE_URL": f"http://127.0.0.1:{self.server_port}/v1",
            "DALIL_LLM_MODEL": "scripted",
            "DALIL_REFUSE_BELOW": "0",
        }


class _Handler(BaseHTTPRequestHandler):
    server: QuotingEndpoint
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def parse_request(self) -> bool:
        self._call = ModelCall(time.perf_counter())
        return super().parse_request()

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls.append(self._call)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with suppress(OSError):  # the caller may leave before the end
            for word in re.findall(r"\S+\s*", _quote_passages(request["messages"][-1]["content"])):
                time.sleep(self.server.pace_s)
                self._call.sent.append(time.perf_counter())
                self._write_chunk(f"data: {json.dumps(_make_event(word))}\n\n".encode())
            self._write_chunk(b"data: [DONE]\n\n")
            self._write_chunk(b"")
        self.close_connection = True

    def _write_chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def log_message(self, *_: object) -> None:
        pass


def _quote_passages(prompt: str) -> str:
    """The first sentence of the first passages in the default language, each with its marker."""
    passages = [(number, Document(text)) for number, text in _PASSAGE.findall(prompt)]
    first = [(number, Document(text.part(text.sentences[0]).text.strip().rstrip("."))) for number, text in passages]
    quoted = [(number, sentence.text) for number, sentence in first if sentence.language == DEFAULT_LANGUAGE]
    return " ".join(f"{sentence} [{number}]." for number, sentence in quoted[:_QUOTED_PASSAGES])


def _make_event(text: str) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": text}}
    return {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted", "choices": [choice]}


def measure_overhead(chunks: int, questions: int, pace_s: float, folder: Path, articles: Path) -> dict[str, Any]:
    """All figures.

    Parameters
    ----------
    chunks : int
        Chunks of the index.
    questions : int
        Questions that are timed, in the default language.
    pace_s : float
        Seconds between two events of the endpoint.
    folder : Path
        Empty, for the index.
    articles : Path
        Folder of real articles.
    """
    with Assistant.from_settings(load_settings(data_dir=folder)) as assistant:
        fill_index(assistant, articles, chunks)
    texts = [question.text for question in read_gold_set() if question.language == DEFAULT_LANGUAGE]
    with QuotingEndpoint(pace_s) as endpoint:
        Thread(target=endpoint.serve_forever, daemon=True).start()
        with run_service(folder, **endpoint.variables) as url, httpx.Client(base_url=url, timeout=60) as client:
            replies = [_ask(client, endpoint, text) for text in texts[: questions + _WARM_UP]][_WARM_UP:]
        endpoint.shutdown()
    return {
        "chunks": chunks,
        "questions": len(replies),
        "before_model_ms": _compute_percentiles([reply.before_ms for reply in replies]),
        "stages_ms": {
            stage: _compute_median([reply.stages[stage] for reply in replies]) for stage in (*_STAGES, "rest")
        },
        "events": sum(len(reply.events_ms) for reply in replies),
        "event_ms": _compute_percentiles([delay for reply in replies for delay in reply.events_ms]),
    }


@dataclass(frozen=True, slots=True)
class _Reply:
    """The times of one answer in milliseconds, stages by their names."""

    before_ms: float
    stages: dict[str, float]
    events_ms: list[float]


def _ask(client: httpx.Client, endpoint: QuotingEndpoint, question: str) -> _Reply:
    endpoint.calls.clear()
    started = time.perf_counter()
    tokens, timings = _read_events(client, question)
    call = endpoint.calls[0]
    # The words that come with the end of the stream were set free by no event of their own.
    delays = [1000 * (seen - call.sent[bisect.bisect(call.sent, seen) - 1]) for seen in tokens[:-1]]
    before = 1000 * (call.arrived - started)
    stages = {stage: timings[stage] for stage in _STAGES}
    stages["rest"] = before - sum(stages.values())
    return _Reply(before, stages, delays if len(endpoint.calls) == 1 else [])


def _read_events(client: httpx.Client, question: str) -> tuple[list[float], dict[str, float]]:
    """When each event with words came, and Dalil's own timings."""
    tokens: list[float] = []
    timings: dict[str, float] = {}
    with client.stream("POST", "/v1/ask", json={"question": question, "stream": True}) as response:
        name = ""
        for line in response.iter_lines():
            now = time.perf_counter()
            name = line.removeprefix("event: ") if line.startswith("event: ") else name
            if line.startswith("data: ") and name == "token":
                tokens.append(now)
            elif line.startswith("data: ") and name == "final":
                timings = json.loads(line.removeprefix("data: "))["timings_ms"]
    return tokens, timings


def _compute_percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=20)
    return {"p50": _compute_median(values), "mean": round(statistics.fmean(values), 1), "p95": round(cuts[-1], 1)}


def _compute_median(values: list[float]) -> float:
    return round(statistics.median(values), 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--pace-ms", type=float, default=30, help="between two events of the endpoint")
    parser.add_argument("--articles", type=Path, default=Path("articles"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = measure_overhead(
            options.chunks, options.questions, options.pace_ms / 1000, Path(temporary), options.articles
        )
        print(json.dumps(figures, indent=2))
