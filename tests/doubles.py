"""Small real implementations that stand in for slow or remote parts."""

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import MappingProxyType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple, Self

import numpy as np
import uvicorn
from fastapi.testclient import TestClient
from llama_index.core.base.llms.types import ChatMessage
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.embedding import embed_articles
from ingest.indexer import Indexer
from ingest.originals import Originals
from ingest.sync import Sync
from rag.answering.assistant import Assistant
from rag.answering.llm import ChatModel, open_llm
from rag.embedding import Embedder, EmbeddingSpec, Encoder, Matrix, PassageVectors, QueryVectors, embedding_spec
from rag.language.document import Document
from rag.language.sentences import find_sentences, trim_span
from rag.retrieval.calibration import load_calibration
from rag.retrieval.retriever import HybridRetriever, RetrievalResult
from rag.settings import Settings, load_settings
from rag.store import IndexConfig
from rag.store.points import article_point_id
from rag.store.qdrant_edge import EdgeEngine
from rag.types import Article, Hit, Scores, Span

_WORD_DIMENSION = 64


class WordEmbedder(Embedder):
    """Bags of stems hashed into 64 dimensions: texts that share words lie near, and nothing needs loading."""

    model_name, dimension = "words", _WORD_DIMENSION

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return np.array([_embed_words(text) for text in texts], np.float32).reshape(len(texts), self.dimension)

    def embed_queries(self, texts: Sequence[str]) -> Matrix:
        return self.embed_passages(texts)


class WordEncoder(Encoder):
    """Every representation by `WordEmbedder`: a passage's tokens are its words."""

    spec = EmbeddingSpec("words", _WORD_DIMENSION, _WORD_DIMENSION, _WORD_DIMENSION)

    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        return [_embed_parts(parts) for parts in passages]

    def embed_sentences(self, texts: Sequence[str]) -> Matrix:
        return WordEmbedder().embed_passages(texts)

    def embed_query(self, text: str) -> QueryVectors:
        words = text.split()
        tokens = self.embed_sentences(words) / max(1, len(words))
        return QueryVectors(self.embed_sentences([text])[0], tokens, self.embed_sentences([text])[0])


def _embed_parts(parts: Sequence[str]) -> PassageVectors:
    words = [part.split() for part in parts]
    tokens = WordEmbedder().embed_passages([word for part in words for word in part])
    return PassageVectors(_embed_words(" ".join(parts)), tokens, tuple(map(len, words)))


@lru_cache(10_000)
def _embed_words(text: str) -> Matrix:
    """The same vector each time, which nobody may change: most words come again, and each is analysed."""
    vector = np.full(_WORD_DIMENSION, 0.01, np.float32)
    for term in Document(text).content_terms:
        for stem in term.stems:
            vector[blake2b(stem.encode("utf-8", "replace"), digest_size=1).digest()[0] % _WORD_DIMENSION] += 1
    vector /= np.linalg.norm(vector)
    vector.setflags(write=False)
    return vector


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
    """Embedding a query raises `error`."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def embed_query(self, text: str) -> QueryVectors:
        raise self._error


@dataclass(frozen=True)
class Refuses:
    """The endpoint answers with this status and headers."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "scripted"


@dataclass(frozen=True)
class Hangs:
    """The endpoint sends `text`, then nothing for so many seconds, then drops the connection."""

    seconds: float
    text: str = ""


@dataclass(frozen=True)
class Cuts:
    """The endpoint drops the connection after `text`."""

    text: str


@dataclass(frozen=True)
class Whole:
    """The endpoint answers with one JSON object, as those do that don't stream."""

    message: dict[str, Any]
    finish_reason: str = "stop"


@dataclass(frozen=True)
class Chunks:
    """The endpoint streams these messages, each the `delta` of a choice, and then why it ended."""

    deltas: tuple[dict[str, Any], ...]
    finish_reason: str | None = "stop"


class Endpoint:
    """A server on loopback with the embeddings and chat completions of OpenAI, and a `/rerank`.

    Attributes
    ----------
    chat : list
        What the calls of chat completions are answered with in turn, the last one for ever: a text, which is streamed,
        the bytes of a whole body, Refuses, Hangs, Cuts, Whole or Chunks, or a function from the request to one of
        these.
    relevance : callable, bytes or Refuses
        The score that `/rerank` gives to a question and a document, or its whole body, or its refusal.
    rerank_api : str
        The form of request and reply of `/rerank`: `cohere`, `voyage` or `tei`.
    asked, reranked : list of dict
        The bodies of the requests for chat completions, and for reranking.
    requests : list of (str, dict)
        The path of each request for chat completions, with its query, and its headers in lower case.
    keys : list of str or None
        The Authorization header of each request for reranking.
    left : int
        Callers that closed the connection before the end of an answer.
    pause_s : float
        Seconds between the pieces of a streamed text.
    url : str
        Up to and with `/v1`.
    """

    def __init__(self) -> None:
        self.chat: list[Any] = ["NO_ANSWER"]
        self.relevance: Callable[[str, str], float] | bytes | Refuses = _share_words
        self.rerank_api = "cohere"
        self.asked: list[dict[str, Any]] = []
        self.reranked: list[dict[str, Any]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.keys: list[str | None] = []
        self.left = 0
        self.pause_s = 0.0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def says(self, *chat: object) -> None:
        """Start again with this script."""
        self.chat, self.asked, self.requests, self.left, self.pause_s = list(chat), [], [], 0, 0.0

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _share_words(question: str, document: str) -> float:
    """The number of words of a question that stand in a document."""
    return float(len(set(question.split()) & set(document.split())))


def _handler(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/embeddings"):
                self._embed(request)
            elif self.path.endswith("/rerank"):
                self._rerank(request)
            else:
                self._complete(request)

        def _embed(self, request: dict[str, Any]) -> None:
            rows = WordEmbedder().embed_passages(request["input"]).tolist()
            data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(rows)]
            self._send(200, json.dumps({"object": "list", "model": request["model"], "data": data}).encode())

        def _rerank(self, request: dict[str, Any]) -> None:
            endpoint.reranked.append(request)
            endpoint.keys.append(self.headers["Authorization"])
            relevance = endpoint.relevance
            if isinstance(relevance, Refuses):
                self._refuse(relevance)
            elif isinstance(relevance, bytes):
                self._send(200, relevance)
            else:
                documents = request["texts"] if endpoint.rerank_api == "tei" else request["documents"]
                scores = [relevance(request["query"], document) for document in documents]
                name = "score" if endpoint.rerank_api == "tei" else "relevance_score"
                rows = [{"index": at, name: score} for at, score in enumerate(scores)]
                rows.sort(key=lambda row: -row[name])
                reply = {"cohere": {"results": rows}, "voyage": {"data": rows}, "tei": rows}[endpoint.rerank_api]
                is_too_many = len(documents) > 32 and endpoint.rerank_api == "tei"
                self._send(422 if is_too_many else 200, json.dumps(reply).encode())

        def _complete(self, request: dict[str, Any]) -> None:
            endpoint.asked.append(request)
            endpoint.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            answer = endpoint.chat.pop(0) if len(endpoint.chat) > 1 else endpoint.chat[0]
            try:
                self._answer(answer(request) if callable(answer) else answer)
            except OSError:
                endpoint.left += 1

        def _answer(self, answer: Any) -> None:
            if isinstance(answer, Refuses):
                self._refuse(answer)
            elif isinstance(answer, bytes):
                self._send(200, answer, {"Content-Type": "text/event-stream"})
            elif isinstance(answer, Hangs):
                self._stream(answer.text)
                self._wait(answer.seconds)
            elif isinstance(answer, Cuts):
                self._stream(answer.text)
            elif isinstance(answer, Whole):
                choice = {"index": 0, "message": answer.message, "finish_reason": answer.finish_reason}
                self._send(200, json.dumps({"object": "chat.completion", "choices": [choice]}).encode())
            elif isinstance(answer, Chunks):
                self._send(200, _format_chunks(answer), {"Content-Type": "text/event-stream"})
            else:
                self._stream(answer)
                self.wfile.write(b"5\r\ndata:\r\n" + _chunk(b" [DONE]\n\n") + b"0\r\n\r\n")

        def _refuse(self, refusal: Refuses) -> None:
            error = {"error": {"message": refusal.message, "type": "api_error"}}
            self._send(refusal.status, json.dumps(error).encode(), refusal.headers)

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
            """Wait; raises OSError as soon as the caller has closed the connection."""
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
    """An OTLP collector on loopback: `spans` are those received, `paths` where they were sent to."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        self.paths: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _collector_handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _collector_handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
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


def _format_chunks(chunks: Chunks) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in chunks.deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": chunks.finish_reason})
    return b"".join(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n" for choice in choices)


def _delta(text: str) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": text}}
    return {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted", "choices": [choice]}


def like(assistant: Assistant, model: ChatModel | None = None, encoder: Encoder | None = None, **changes: object):
    """An assistant over the same store, with another model, encoder or settings."""
    reader = None if encoder else assistant._reader  # which takes a quarter of a second to open
    encoder = encoder or assistant.encoder
    retriever = HybridRetriever(assistant.store, encoder, load_calibration())
    return Assistant(assistant.settings.model_copy(update=changes), assistant.store, encoder, retriever, model, reader)


def put(assistant: Assistant, *articles: Article) -> None:
    """Ingest articles into the assistant's store."""
    for article, chunks in embed_articles(articles, assistant.settings.chunk_tokens, assistant.encoder):
        assistant.store.write(article, chunks)
    assistant.store.optimize()


def lose_articles(data_dir: Path, *article_ids: str) -> None:
    """Take articles out of an index behind its back, as a disk that forgets would."""
    settings = load_settings(data_dir=data_dir)
    engine = EdgeEngine(data_dir)
    engine.open(IndexConfig.of(embedding_spec(settings), settings.chunk_tokens))
    engine.delete("articles", [article_point_id(article_id) for article_id in article_ids])
    engine.flush()
    engine.close()


def article(text: str, article_id: str = "a", title: str = "عنوان", **fields: Any) -> Article:
    """An article of that text."""
    return Article(article_id, title, text, Document(text).language, f"revision of {text[:40]}", "test", **fields)


def make_hit(
    text: str, article_id: str = "a", title: str = "عنوان", score: float = 1.0, before: str = "", behind: str = ""
) -> Hit:
    """A hit with all sentences of `text`, which stands in its article between `before` and `behind`."""
    whole = before + text + behind
    spans = [Span(start + len(before), end + len(before)) for start, end in find_sentences(text)]
    sentences = tuple(trim_span(whole, span) for span in spans)
    return Hit(
        article=article(whole, article_id, title),
        start=sentences[0].start,
        end=sentences[-1].end,
        language=Document(text).language,
        sentences=sentences,
        score=score,
        scores=Scores(0.9, 0.9, 0.9, 0.1),
        chunk_id=f"chunk of {article_id}",
    )


def make_result(*hits: Hit, question: str = "سؤال عن كل شيء") -> RetrievalResult:
    """These hits as found for a question, whose vectors are (1, 0) in every representation."""
    vector = np.array([1.0, 0.0], np.float32)
    document = Document(question)
    vectors = QueryVectors(vector, vector[None], vector)
    return RetrievalResult(document, document.language, vectors, hits, 0.9, 0.5, {}, {})


class FixedSimilarity(NamedTuple):
    """Similarities that are given.

    Attributes
    ----------
    sentences : float or callable
        Of a statement to each sentence of a hit, or a function from the two to a list.
    words : float
        Of any words to any others.
    """

    sentences: float | Callable[[str, Hit], list[float]]
    words: float = 0.0

    def sentence_similarities(self, statement: str, hit: Hit) -> list[float]:
        given = self.sentences
        return given(statement, hit) if callable(given) else [given] * len(hit.sentences)

    def max_word_similarity(self, words: str, others: Sequence[str]) -> float:
        return self.words


@contextmanager
def count_calls(module: ModuleType, name: str) -> Iterator[list[tuple[Any, ...]]]:
    """Record the arguments of each call of a module's function by those who look it up in that module."""
    function = getattr(module, name)
    calls: list[tuple[Any, ...]] = []

    def record(*arguments: Any) -> Any:
        calls.append(arguments)
        return function(*arguments)

    setattr(module, name, record)
    try:
        yield calls
    finally:
        setattr(module, name, function)


def closed_port() -> int:
    """A loopback port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def local_client(site: Any, **options: Any) -> TestClient:
    """A client of a site in this process, which it reaches by the name of loopback."""
    return TestClient(site, base_url="http://localhost", **options)


@contextmanager
def served(site: Any, **options: Any) -> Iterator[str]:
    """A site, or a server's configuration, on a loopback port by a real server; gives its address."""
    if not isinstance(site, uvicorn.Config):
        site = uvicorn.Config(site, log_level="error", timeout_graceful_shutdown=2, **options)
    server = uvicorn.Server(site)
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


ONE_THREAD = {"threads": 1}
"""Settings of models in tests: a second thread waits for the first by spinning. A question takes .12 s of a processor
with one and .23 with two, and other tests run on the other core."""

_opened: list[Assistant] = []


def open_assistant(settings: Settings) -> Assistant:
    """As `Assistant.from_settings`, with the models of the first one that was opened here: they take a second and
    200 MB each time, and whoever runs all tests waits for that. Not for other encoders, readers or rerankers."""
    if not _opened:
        _opened.append(Assistant.from_settings(settings.model_copy(update=ONE_THREAD)))
        return _opened[0]
    return _opened[0].over_other_index(settings).with_model(open_llm(settings))


def ingest_folder(settings: Settings, folder: Path) -> None:
    """As `dalil ingest FOLDER`, with the models of `open_assistant`."""
    with open_assistant(settings) as assistant:
        store, originals = assistant.store, Originals.from_settings(settings)
        indexer = Indexer(store, lambda: assistant.encoder, settings.chunk_tokens, originals)
        Sync(store, indexer, settings.max_article_chars).ingest([folder], lambda progress: None)
