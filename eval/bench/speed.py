"""Speed and memory on articles made up of the words of real ones: `python -m eval.bench --chunks 5000`.

Writes made-up vectors for most chunks, since the store's speed does not depend on what they mean, and embeds a
sample of real text for the embedding rate. Prints one JSON object.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eval.bench.engines import rates
from ingest.chunker import split
from ingest.readers import files, read
from ingest.sync import embed
from rag.answering.assistant import Assistant
from rag.embedding import Matrix, PassageVectors
from rag.embedding.bm25 import lexical_vector
from rag.settings import Settings, load
from rag.store import EmbeddedChunk
from rag.types import Article, Chunk

_CHUNKS_PER_ARTICLE = 5


def made_up(articles: list[Article], count: int, settings: Settings) -> Iterator[tuple[Article, list[Chunk]]]:
    """Articles of about five chunks whose sentences are drawn from real ones, `count` chunks in all."""
    draw = random.Random(1)
    pool = [
        article.text[slice(*span)]
        for article in articles
        for chunk in split(article, settings.chunk_tokens)
        for span in chunk.sentences
    ]
    made = number = 0
    while made < count:
        text = " ".join(draw.choices(pool, k=8 * _CHUNKS_PER_ARTICLE))
        article = Article(f"bench-{number}", f"مقال {number}", text, "ar", str(number), "bench")
        chunks = split(article, settings.chunk_tokens)[: count - made]
        made, number = made + len(chunks), number + 1
        yield article, chunks


class Filled(NamedTuple):
    """An index made for measuring: the real articles it began with, and how long its parts took, in seconds."""

    real: list[Article]
    embedded: int
    embedding_s: float
    written: int
    writing_s: float
    settling_s: float


def filled(assistant: Assistant, articles: Path, chunks: int) -> Filled:
    """Write made-up articles of so many chunks into the assistant's index, with vectors like those of `articles`."""
    settings = assistant.settings
    real = [item for file, root in files([articles]) for item in read(file, root, 10**6) if isinstance(item, Article)]
    started = time.perf_counter()
    embedded = [part for _, parts in embed(real, settings.chunk_tokens, assistant.encoder) for part in parts]
    embedding = time.perf_counter() - started
    draw = np.random.default_rng(1)
    seconds, written = 0.0, 0
    for article, parts in made_up(real, chunks, settings):
        ready = [_with_vectors(part, embedded, draw) for part in parts]
        started = time.perf_counter()
        assistant.store.write(article, ready)
        seconds += time.perf_counter() - started
        written += len(ready)
    started = time.perf_counter()
    assistant.store.settle()
    return Filled(real, len(embedded), embedding, written, seconds, time.perf_counter() - started)


def run(chunks: int, folder: Path, articles: Path) -> dict[str, Any]:
    """All figures: rates a second, latencies in milliseconds, memory in megabytes."""
    settings = load(data_dir=folder)
    with Assistant.from_settings(settings) as assistant:
        index = filled(assistant, articles, chunks)
    passages = [chunk.text for article in index.real for chunk in split(article, settings.chunk_tokens)][:40]
    embedding = index.embedded / index.embedding_s
    return {
        "chunks": index.written,
        "embed_chunks_per_s": round(embedding, 1),
        "passages_per_s": rates(passages),
        "store_chunks_per_s": round(index.written / index.writing_s),
        "optimize_s": round(index.settling_s, 2),
        "ingest_chunks_per_s": round(1 / (1 / embedding + index.writing_s / index.written), 1),
    } | _in_a_process_of_its_own(folder)


def _in_a_process_of_its_own(folder: Path) -> dict[str, Any]:
    environment = os.environ | {"DALIL_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "eval.bench.answering", "--since", str(time.time())]
    child = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(child.stdout)
    return found


def _with_vectors(chunk: Chunk, embedded: list[EmbeddedChunk], draw: np.random.Generator) -> EmbeddedChunk:
    like = embedded[int(draw.integers(len(embedded)))]
    dense, tokens = (_blurred(view, draw) for view in (like.passage.dense, like.passage.tokens))
    rows = like.sentences[draw.integers(len(like.sentences), size=len(chunk.sentences))]
    passage = PassageVectors(dense, tokens, (len(tokens), *[0] * len(chunk.sentences)))
    return EmbeddedChunk(chunk, passage, _blurred(rows, draw), lexical_vector(chunk.text))


def _blurred(vectors: Matrix, draw: np.random.Generator) -> Matrix:
    return np.asarray(vectors + draw.normal(0, 0.02, vectors.shape), np.float32)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=5000)
    parser.add_argument("--articles", type=Path, default=Path("articles"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(run(options.chunks, Path(temporary), options.articles), indent=2))
