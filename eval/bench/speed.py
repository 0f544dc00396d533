"""Speed and memory on articles generated from sentences of real ones: `python -m eval.bench --chunks 5000`.

Writes random vectors for most chunks, since the store's speed does not depend on what they mean, and embeds a sample of
real text for the embedding rate. Prints one JSON object.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eval.bench.engines import measure_rates
from eval.datasets import read_articles
from ingest.chunker import chunk_article
from ingest.embedding import embed_articles
from rag.answering.assistant import Assistant
from rag.embedding import Matrix, PassageVectors
from rag.embedding.bm25 import lexical_vector
from rag.language.document import Document
from rag.language.languages import DEFAULT_LANGUAGE
from rag.settings import load_settings
from rag.store import Counts, EmbeddedChunk
from rag.store.floor import FloorFile
from rag.types import Article, Chunk

_CHUNKS_PER_ARTICLE, _SENTENCES_PER_CHUNK = 5, 8
GROUPS, FIRST_YEAR = 20, 2000
"""Topics, and years, of generated articles; a topic has a year."""
_PASSAGES = 40
"""Passages that every engine embeds."""
_CALLS = 50
"""Of what is timed alone."""
_NOISE = 0.02
"""Standard deviation of what is added to each number of a real vector."""


class GeneratedIndex(NamedTuple):
    """An index that was filled for measuring.

    Attributes
    ----------
    articles : list of Article
        The real ones.
    embedded : int
        Chunks of the real articles, which were embedded.
    embedding_s : float
        Seconds that took.
    written : int
        Chunks of generated articles, which were written.
    writing_s, optimizing_s : float
        Seconds that the writing took, and the optimizing afterwards.
    """

    articles: list[Article]
    embedded: int
    embedding_s: float
    written: int
    writing_s: float
    optimizing_s: float


def generate_articles(
    articles: Sequence[Article], chunks: int, chunk_tokens: int
) -> Iterator[tuple[Article, list[Chunk]]]:
    """Articles of about five chunks, whose sentences are drawn from real ones.

    Parameters
    ----------
    articles : sequence of Article
        The real ones.
    chunks : int
        Chunks of all generated articles together.
    chunk_tokens : int
        Largest chunk.
    """
    draw = random.Random(1)
    sentences = [
        article.text[slice(*span)]
        for article in articles
        for chunk in chunk_article(article, chunk_tokens)
        for span in chunk.sentences
    ]
    generated = number = 0
    while generated < chunks:
        text = " ".join(draw.choices(sentences, k=_SENTENCES_PER_CHUNK * _CHUNKS_PER_ARTICLE))
        group = number % GROUPS
        article = Article(
            f"bench-{number}",
            f"مقال {number}",
            text,
            DEFAULT_LANGUAGE,
            revision=str(number),
            source="bench",
            date=f"{FIRST_YEAR + group}-01-01",
            topic=f"topic {group}",
        )
        parts = chunk_article(article, chunk_tokens)[: chunks - generated]
        generated, number = generated + len(parts), number + 1
        yield article, parts


def fill_index(assistant: Assistant, folder: Path, chunks: int) -> GeneratedIndex:
    """Write generated articles, with vectors like those of real ones, to the assistant's index.

    Parameters
    ----------
    assistant : Assistant
        Over an empty index.
    folder : Path
        Of real articles.
    chunks : int
        Chunks to write.
    """
    settings = assistant.settings
    real = read_articles(folder, settings.max_article_chars)
    started = time.perf_counter()
    embedded = [
        chunk
        for _, of_article in embed_articles(real, settings.chunk_tokens, assistant.encoder)
        for chunk in of_article
    ]
    embedding_s = time.perf_counter() - started
    draw = np.random.default_rng(1)
    writing_s, written = 0.0, 0
    for article, parts in generate_articles(real, chunks, settings.chunk_tokens):
        with_vectors = [_add_vectors(part, embedded, draw) for part in parts]
        started = time.perf_counter()
        assistant.store.write(article, with_vectors)
        writing_s += time.perf_counter() - started
        written += len(with_vectors)
    started = time.perf_counter()
    assistant.store.optimize()
    return GeneratedIndex(real, len(embedded), embedding_s, written, writing_s, time.perf_counter() - started)


def measure_speed(chunks: int, folder: Path, articles: Path) -> dict[str, Any]:
    """All figures: rates a second, latencies in milliseconds, memory in megabytes.

    Parameters
    ----------
    chunks : int
        Chunks of the index.
    folder : Path
        Empty, for the index.
    articles : Path
        Folder of real articles.
    """
    settings = load_settings(data_dir=folder)
    with Assistant.from_settings(settings) as assistant:
        index = fill_index(assistant, articles, chunks)
        check_ms = _time_calls(assistant.store.check_integrity)
    floor = FloorFile(folder / "chunks")  # on the same disk, and not that of the index
    passages = [chunk.text for article in index.articles for chunk in chunk_article(article, settings.chunk_tokens)]
    embed_rate = index.embedded / index.embedding_s
    return {
        "chunks": index.written,
        "embed_chunks_per_s": round(embed_rate, 1),
        "passages_per_s": measure_rates(passages[:_PASSAGES]),
        "store_chunks_per_s": round(index.written / index.writing_s),
        "optimize_s": round(index.optimizing_s, 2),
        "check_integrity_ms": check_ms,
        "keep_counts_ms": _time_calls(lambda: floor.write(Counts(0, 0), 0)),
        "ingest_chunks_per_s": round(1 / (1 / embed_rate + index.writing_s / index.written), 1),
    } | _measure_answering_apart(folder)


def _time_calls(call: Callable[[], object]) -> float:
    """Median milliseconds."""
    times = []
    for _ in range(_CALLS):
        started = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(times), 2)


def _measure_answering_apart(folder: Path) -> dict[str, Any]:
    """`eval.bench.answering` over an index, in a process of its own."""
    environment = os.environ | {"DALIL_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "eval.bench.answering", "--since", str(time.time())]
    child = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(child.stdout)
    return figures


def _add_vectors(chunk: Chunk, embedded: Sequence[EmbeddedChunk], draw: np.random.Generator) -> EmbeddedChunk:
    """A chunk with vectors near those of a real one."""
    real = embedded[int(draw.integers(len(embedded)))]
    dense, tokens = (_add_noise(vectors, draw) for vectors in (real.passage.dense, real.passage.tokens))
    sentences = real.sentences[draw.integers(len(real.sentences), size=len(chunk.sentences))]
    passage = PassageVectors(dense, tokens, (len(tokens), *[0] * len(chunk.sentences)))
    return EmbeddedChunk(chunk, passage, _add_noise(sentences, draw), lexical_vector(Document(chunk.text)))


def _add_noise(vectors: Matrix, draw: np.random.Generator) -> Matrix:
    return np.asarray(vectors + draw.normal(0, _NOISE, vectors.shape), np.float32)


def print_figures(measure: Callable[[int, Path, Path], Any], description: str | None) -> None:
    """Print, as JSON, what `measure` makes of the number of chunks, an empty folder and the folder of articles."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--chunks", type=int, default=5000)
    parser.add_argument("--articles", type=Path, default=Path("articles"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(measure(options.chunks, Path(temporary), options.articles), indent=2))


def main() -> None:
    """Run the command."""
    print_figures(measure_speed, __doc__)
