"""The OpenAI-compatible route for embeddings: the vectors of the dense representation, as the index has them."""

import base64
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, Field

from rag.embedding import Encoder, Matrix
from rag.errors import InputError
from rag.language.tokens import count_tokens
from ui.api.model_names import DEFAULT_MODEL, ModelNames
from ui.api.service import AnswerService

_MAX_INPUTS = 2048
"""As at OpenAI."""
_BATCH = 32
"""Passages that are embedded at once."""
_LITTLE_ENDIAN_FLOAT = "<f4"


def _read_inputs(value: object) -> object:
    """A list of texts; a text alone is one."""
    inputs = [value] if isinstance(value, str) else value
    if isinstance(inputs, list) and any(isinstance(one, int | list) for one in inputs):
        raise ValueError("send texts: numbers of tokens are not read (langchain: check_embedding_ctx_length=False)")
    if isinstance(inputs, list) and any(isinstance(one, str) and not one.strip() for one in inputs):
        raise ValueError("a text is empty")
    return inputs


class EmbeddingRequest(BaseModel):
    """Texts to embed. `input_type` is no field of OpenAI's, but of others that speak its API: a question is embedded
    otherwise than a passage that answers it."""

    model: str | None = DEFAULT_MODEL
    input: Annotated[list[str], Field(min_length=1, max_length=_MAX_INPUTS), BeforeValidator(_read_inputs)]
    input_type: Literal["passage", "document", "query"] | None = "passage"
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = None


class EmbeddingItem(BaseModel):
    """The vector of one text; as base64 its numbers are little-endian floats of 32 bits."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingList(BaseModel):
    """Vectors in OpenAI's shape."""

    object: Literal["list"] = "list"
    data: list[EmbeddingItem]
    model: str
    usage: dict[str, int]


def build_embedding_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["openai"])
    names = ModelNames(service.assistant.settings)

    @router.post("/v1/embeddings", summary="Embed texts", response_model=EmbeddingList)
    def embed(body: EmbeddingRequest) -> Any:
        """The vectors of texts, each of length 1, in their order."""
        name = body.model or DEFAULT_MODEL
        names.find_mode(name)
        encoder = service.assistant.encoder
        if body.dimensions not in (None, encoder.spec.dimension):
            raise InputError(f"The vectors have {encoder.spec.dimension} dimensions, no other number can be had.")
        embed_texts = _embed_queries if body.input_type == "query" else _embed_passages
        data = [
            {"object": "embedding", "index": at, "embedding": _encode(vector, body.encoding_format)}
            for at, vector in enumerate(embed_texts(encoder, body.input))
        ]
        tokens = sum(count_tokens(body.input))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data, "model": name, "usage": usage}

    return router


def _embed_queries(encoder: Encoder, texts: Sequence[str]) -> Iterator[Matrix]:
    for text in texts:
        yield encoder.embed_query(text).dense


def _embed_passages(encoder: Encoder, texts: Sequence[str]) -> Iterator[Matrix]:
    """The vectors of passages without a title."""
    for start in range(0, len(texts), _BATCH):
        for vectors in encoder.embed_passages([("", text) for text in texts[start : start + _BATCH]]):
            yield vectors.dense


def _encode(vector: Matrix, encoding: str | None) -> list[float] | str:
    if encoding == "base64":
        return base64.b64encode(vector.astype(_LITTLE_ENDIAN_FLOAT).tobytes()).decode()
    return [float(value) for value in vector]
