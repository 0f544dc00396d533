"""Small real implementations that stand in for slow or remote parts."""

import json
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import MappingProxyType, SimpleNamespace
from typing import Any, Self

import numpy as np
import uvicorn
from llama_index.core.base.llms.types import ChatMessage
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.sync import embed
from rag.answering.assistant import Assistant
from rag.answering.llm import ChatModel
from rag.embedding import Embedder, Encoder, Matrix, PassageVectors, QuestionVectors, Views
from rag.language.text import content_terms, language
from rag.retrieval import calibration
from rag.retrieval.retriever import HybridRetriever
from rag.types import Article


class WordEmbedding(Embedder):
    """Bags of stems hashed into 64 dimensions: texts that share words lie near, and nothing needs loading."""

    def __init__(self) -> None:
        self.model_name, self.dimension = "words", 64

    def passages(self, texts: Sequence[str]) -> Matrix:
        return np.array([_vector(text) for text in texts], np.float32).reshape(len(texts), 64)

    def queries(self, texts: Sequence[str]) -> Matrix:
        return self.passages(texts)


class WordEncoder(Encoder):
    """Every view by `WordEmbedding`: a passage's tokens are its words."""

    views = Views("words", 64, 64, 64)

    def passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        return [_passage(parts) for parts in passages]

    def sentences(self, texts: Sequence[str]) -> Matrix:
        return WordEmbedding().passages(texts)

    def question(self, text: str) -> QuestionVectors:
        words = text.split()
        tokens = self.sentences(words) / max(1, len(words))
        return QuestionVectors(self.sentences([text])[0], tokens, self.sentences([text])[0])


def _passage(parts: Sequence[str]) -> PassageVectors:
    words = [part.split() for part in parts]
    tokens = WordEmbedding().passages([word for part in words for word in part])
    return PassageVectors(_vector(" ".join(parts)), tokens, tuple(map(len, words)))


def _vector(text: str) -> Matrix:
    vector = np.full(64, 0.01, np.float32)
    for term in content_terms(text):
        for stem in term.stems:
            vector[blake2b(stem.encode("utf-8", "replace"), digest_size=1).digest()[0] % 64] += 1
    return vector / np.linalg.norm(vector)


class ScriptedModel:
    """A chat model that gives its answers in turn, the last one for ever, in pieces of a few characters.

    An exception among them is raised; one in a tuple is raised after the text before it.
    """

    def __init__(self, *answers: object, piece: int = 7) -> None:
        self._answers, self._piece = list(answers), piece
        self.asked: list[list[ChatMessage]] = []

    def stream_chat(self, messages: Sequence[ChatMessage]) -> Iterator[SimpleNamespace]:
        self.asked.append(list(messages))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        for part in answer if isinstance(answer, tuple) else (answer,):
            if isinstance(part, Exception):
                raise part
            pieces = (
                [part[at : at + self._piece] for at in range(0, len(part), self._piece)]
                if isinstance(part, str)
                else [part]
            )
            yield from (SimpleNamespace(delta=piece) for piece in pieces)


class FailingEncoder(WordEncoder):
    """Vectors cannot be had: every question meets `error`."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def question(self, text: str) -> QuestionVectors:
        raise self._error


@dataclass(frozen=True)
class Refuses:
    """The endpoint answers with this status and headers."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "scripted"


@dataclass(frozen=True)
class Hangs:
    """The endpoint says nothing for so long, before its answer or after `said` of it, then drops the connection."""

    seconds: float
    said: str = ""


@dataclass(frozen=True)
class Cuts:
    """The endpoint drops the connection after `said`."""

    said: str


class Endpoint:
    """An OpenAI-compatible server on loopback: the vectors of `WordEmbedding`, and what `chat` says, streamed.

    `chat` is what each call meets in turn, the last one for ever: the text of an answer, the bytes of a whole body, or
    Refuses, Hangs, Cuts. `left` counts the callers that went before the end.
    """

    def __init__(self) -> None:
        self.chat: list[Any] = ["NO_ANSWER"]
        self.asked: list[dict[str, Any]] = []
        self.left = 0
        self.pause_s = 0.0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def says(self, *chat: object) -> None:
        """Begin anew with this script."""
        self.chat, self.asked, self.left, self.pause_s = list(chat), [], 0, 0.0

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/embeddings"):
                rows = WordEmbedding().passages(asked["input"]).tolist()
                data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(rows)]
                self._send(200, json.dumps({"object": "list", "model": asked["model"], "data": data}).encode())
                return
            endpoint.asked.append(asked)
            said = endpoint.chat.pop(0) if len(endpoint.chat) > 1 else endpoint.chat[0]
            try:
                self._say(said)
            except OSError:
                endpoint.left += 1

        def _say(self, said: Any) -> None:
            if isinstance(said, Refuses):
                error = {"error": {"message": said.message, "type": "api_error"}}
                self._send(said.status, json.dumps(error).encode(), said.headers)
            elif isinstance(said, bytes):
                self._send(200, said, {"Content-Type": "text/event-stream"})
            elif isinstance(said, Hangs):
                self._stream(said.said)
                self._wait(said.seconds)
            elif isinstance(said, Cuts):
                self._stream(said.said)
            else:
                self._stream(said)
                self.wfile.write(b"5\r\ndata:\r\n" + _chunk(b" [DONE]\n\n") + b"0\r\n\r\n")

        def _stream(self, text: str) -> None:
            if not text:
                return
            self.protocol_version = "HTTP/1.1"
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(text), 9):
                self._wait(endpoint.pause_s)
                self.wfile.write(_chunk(b"data: " + json.dumps(_delta(text[at : at + 9])).encode() + b"\n\n"))
                self.wfile.flush()
            self.close_connection = True

        def _wait(self, seconds: float) -> None:
            """Wait, and raise OSError as soon as the caller has gone."""
            self.connection.settimeout(seconds or 1e-6)
            try:
                if self.connection.recv(1) == b"":
                    raise ConnectionResetError
            except TimeoutError:
                pass
            finally:
                self.connection.settimeout(None)

        def _send(self, status: int, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class Collector:
    """An OTLP collector on loopback: `spans` are those that came, `paths` where to."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        self.paths: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _collecting(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _collecting(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.paths.add(self.path)
            for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
                collector.services |= {
                    item.value.string_value for item in sent.resource.attributes if item.key == "service.name"
                }
                collector.spans += [span for scope in sent.scope_spans for span in scope.spans]
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _delta(text: str) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": text}}
    return {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted", "choices": [choice]}


def like(assistant: Assistant, model: ChatModel | None = None, encoder: Encoder | None = None, **changes: object):
    """An assistant over the same store, with another model, encoder or settings."""
    encoder = encoder or assistant.encoder
    retriever = HybridRetriever(assistant.store, encoder, calibration.load())
    return Assistant(assistant.settings.model_copy(update=changes), assistant.store, encoder, retriever, model)


def put(assistant: Assistant, *articles: Article) -> None:
    """Ingest articles into the assistant's store."""
    for article, chunks in embed(articles, assistant.settings.chunk_tokens, assistant.encoder):
        assistant.store.write(article, chunks)
    assistant.store.settle()


def article(text: str, article_id: str = "a", title: str = "عنوان", **fields: Any) -> Article:
    """An article of that text."""
    return Article(article_id, title, text, language(text), f"revision of {text[:40]}", "test", **fields)


def closed_port() -> int:
    """A loopback port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def served(site: Any) -> Iterator[str]:
    """A site on a loopback port by a real server; gives its address."""
    server = uvicorn.Server(uvicorn.Config(site, log_level="error", timeout_graceful_shutdown=2))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = Thread(target=server.run, args=([listening],), daemon=True)
        running.start()
        until = time.monotonic() + 10
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            running.join(10)
