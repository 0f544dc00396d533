"""Small real implementations that stand in for slow or remote parts."""

import json
import socket
import time
from collections.abc import Sequence
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
from llama_index.core.base.llms.types import ChatMessage

from ingest.sync import embed
from rag import calibration
from rag.assistant import Assistant
from rag.embedding import Embedder, Encoder, Matrix, PassageVectors, QuestionVectors, Views
from rag.generation import ChatModel
from rag.retrieval import HybridRetriever
from rag.text import content_terms, language
from rag.types import Article


class WordEmbedding(Embedder):
    """Bags of stems hashed into 64 dimensions: texts that share words lie near, and nothing needs loading."""

    def __init__(self) -> None:
        super().__init__(model_name="words", dimension=64)

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

    def statements(self, texts: Sequence[str]) -> Matrix:
        return self.sentences(texts)


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
    """A chat model that gives its answers in turn, the last one for ever; an exception among them is raised."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)
        self.asked: list[list[ChatMessage]] = []

    def chat(self, messages: Sequence[ChatMessage]) -> object:
        self.asked.append(list(messages))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(message=SimpleNamespace(content=answer))


class FailingEncoder(WordEncoder):
    """Vectors cannot be had: every question meets `error`."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def question(self, text: str) -> QuestionVectors:
        raise self._error


class Endpoint:
    """An OpenAI-compatible server on loopback: the vectors of `WordEmbedding`, and what `chat` says.

    `chat` is the text of an answer, or the bytes of a whole body, or the number of an HTTP error, or seconds to
    wait (a float) before the connection is dropped.
    """

    def __init__(self) -> None:
        self.chat: str | bytes | int | float = "NO_ANSWER"
        self.asked: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

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
            if isinstance(endpoint.chat, float):
                time.sleep(endpoint.chat)
            elif isinstance(endpoint.chat, int):
                self._send(endpoint.chat, b'{"error": {"message": "scripted", "type": "api_error"}}')
            elif isinstance(endpoint.chat, bytes):
                self._send(200, endpoint.chat)
            else:
                self._send(200, json.dumps(_completion(asked["model"], endpoint.chat)).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _completion(model: str, text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": model, "choices": [choice]}


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
