"""The time that Dalil adds to a model's own: `python -m eval.bench.overhead --chunks 10000`.

`dalil serve` runs as it does for people, over an index like that of `eval.bench`; its model is an endpoint on loopback
that quotes the passages it is given, word by word at a steady pace. Prints one JSON object, in milliseconds:
`before_model_ms` from the request until its first byte is at the endpoint, with the stages it consists of, and
`event_ms` from an event of the endpoint until the event that it sets free is at Dalil's client. Words that wait for
their sentence to be borne out wait for the model; that is no time of Dalil's.
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

from eval.bench.serving import serving
from eval.bench.speed import filled
from eval.datasets import gold
from rag.answering.assistant import Assistant
from rag.language.text import language, sentences
from rag.settings import load

_PASSAGE = re.compile(r'<passage number="([0-9]+)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
_QUOTED = 2
"""Passages that the endpoint quotes a sentence of."""
_WARM_UP = 5
_STAGES = ("embed", "store", "rank")
"""Of Dalil's own timings, those before the model; the rest is the prompt, the threads and HTTP both ways."""


@dataclass(slots=True)
class Call:
    """What the endpoint saw of one call: when its first line came, and when each event was sent."""

    arrived: float
    sent: list[float] = field(default_factory=list)


class Endpoint(ThreadingHTTPServer):
    """An OpenAI-compatible endpoint on loopback that quotes the passages of its prompt."""

    daemon_threads = True

    def __init__(self, pace_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pace_s = pace_s
        self.calls: list[Call] = []
        self.settings = {
            "DALIL_LLM_BASE_URL": f"http://127.0.0.1:{self.server_port}/v1",
            "DALIL_LLM_MODEL": "scripted",
            "DALIL_REFUSE_BELOW": "0",
        }
        """With which Dalil asks this endpoint whatever the question is."""


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def parse_request(self) -> bool:
        self._call = Call(time.perf_counter())
        return super().parse_request()

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls.append(self._call)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with suppress(OSError):  # the caller may leave before the end
            for word in re.findall(r"\S+\s*", _quotes(asked["messages"][-1]["content"])):
                time.sleep(self.server.pace_s)
                self._call.sent.append(time.perf_counter())
                self._write(f"data: {json.dumps(_delta(word))}\n\n".encode())
            self._write(b"data: [DONE]\n\n")
            self._write(b"")
        self.close_connection = True

    def _write(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def log_message(self, *_: object) -> None:
        pass


def _quotes(prompt: str) -> str:
    """The first sentence of the first passages in Arabic, each with its marker."""
    firsts = [
        (number, text[slice(*sentences(text)[0])].strip().rstrip(".")) for number, text in _PASSAGE.findall(prompt)
    ]
    arabic = [(number, sentence) for number, sentence in firsts if language(sentence) == "ar"]
    return " ".join(f"{sentence} [{number}]." for number, sentence in arabic[:_QUOTED])


def _delta(text: str) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": text}}
    return {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted", "choices": [choice]}


def run(chunks: int, questions: int, pace_s: float, folder: Path, articles: Path) -> dict[str, Any]:
    """All figures; `pace_s` is the time between two events of the endpoint."""
    settings = load(data_dir=folder)
    with Assistant.from_settings(settings) as assistant:
        filled(assistant, articles, chunks)
    asked = [question.text for question in gold() if question.language == "ar"][: questions + _WARM_UP]
    with Endpoint(pace_s) as endpoint:
        Thread(target=endpoint.serve_forever, daemon=True).start()
        with serving(folder, **endpoint.settings) as address, httpx.Client(base_url=address, timeout=60) as client:
            replies = [_asked(client, endpoint, question) for question in asked][_WARM_UP:]
        endpoint.shutdown()
    return {
        "chunks": chunks,
        "questions": len(replies),
        "before_model_ms": _spread([reply.before_ms for reply in replies]),
        "stages_ms": {stage: _p50([reply.stages[stage] for reply in replies]) for stage in (*_STAGES, "rest")},
        "events": sum(len(reply.events_ms) for reply in replies),
        "event_ms": _spread([delay for reply in replies for delay in reply.events_ms]),
    }


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer's times in milliseconds; stages by their names."""

    before_ms: float
    stages: dict[str, float]
    events_ms: list[float]


def _asked(client: httpx.Client, endpoint: Endpoint, question: str) -> Reply:
    endpoint.calls.clear()
    started = time.perf_counter()
    tokens: list[float] = []
    stages: dict[str, float] = {}
    with client.stream("POST", "/v1/ask", json={"question": question, "stream": True}) as response:
        name = ""
        for line in response.iter_lines():
            now = time.perf_counter()
            name = line.removeprefix("event: ") if line.startswith("event: ") else name
            if line.startswith("data: ") and name == "token":
                tokens.append(now)
            elif line.startswith("data: ") and name == "final":
                timings = json.loads(line.removeprefix("data: "))["timings_ms"]
                stages = {stage: timings[stage] for stage in _STAGES}
    call = endpoint.calls[0]
    # The words that come with the end of the stream were set free by no event of their own.
    delays = [1000 * (seen - call.sent[bisect.bisect(call.sent, seen) - 1]) for seen in tokens[:-1]]
    before = 1000 * (call.arrived - started)
    stages["rest"] = before - sum(stages.values())
    return Reply(before, stages, delays if len(endpoint.calls) == 1 else [])


def _spread(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=20)
    return {"p50": _p50(values), "mean": round(statistics.fmean(values), 1), "p95": round(cuts[-1], 1)}


def _p50(values: list[float]) -> float:
    return round(statistics.median(values), 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--pace-ms", type=float, default=30, help="between two events of the endpoint")
    parser.add_argument("--articles", type=Path, default=Path("articles"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = run(options.chunks, options.questions, options.pace_ms / 1000, Path(temporary), options.articles)
        print(json.dumps(figures, indent=2))
