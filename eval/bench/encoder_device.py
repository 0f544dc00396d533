"""What a GPU is worth: `python -m eval.bench.encoder_device`.

Embeds the chunks of the sample articles by the processor and by the GPU, as an ingest does: one passage a pass, and as
many passes at once as `--threads` says. Needs an NVIDIA GPU with its driver, CUDA and cuDNN, and `onnxruntime-gpu` in
place of `onnxruntime`; where these are not there it says what is missing, and measures the processor alone. Prints one
JSON object: passages a second of e5 by itself and of the whole encoder, milliseconds of a query, and the least cosine
of a passage's vector of the GPU to that of the processor.
"""

import argparse
import json
import statistics
import time
from itertools import chain
from pathlib import Path

import numpy as np

from eval.datasets import read_gold_set
from ingest.chunker import chunk_article
from ingest.readers import read_file
from rag.embedding.bundled import BundledEncoder
from rag.embedding.e5 import E5Embedder
from rag.embedding.onnx_runtime import Device
from rag.errors import EmbeddingError
from rag.types import Article

_ARTICLES = Path("articles")
_MAX_CHARS, _CHUNK_TOKENS, _QUERIES = 2_000_000, 256, 40


def read_passages() -> list[list[str]]:
    """The chunks of the sample articles, each as its title and its sentences."""
    found = chain.from_iterable(read_file(file, _ARTICLES, _MAX_CHARS) for file in sorted(_ARTICLES.glob("*.md")))
    articles = [one for one in found if isinstance(one, Article)]
    return [
        [article.title, *(article.text[slice(*span)] for span in chunk.sentences)]
        for article in articles
        for chunk in chunk_article(article, _CHUNK_TOKENS)
    ]


def measure_device(device: Device, threads: int, passages: list[list[str]]) -> tuple[dict[str, float], np.ndarray]:
    """Figures of a device, and the vectors that it gives.

    Raises
    ------
    EmbeddingError
        When it is not there.
    """
    e5, encoder = E5Embedder(threads=threads, device=device), BundledEncoder(threads=threads, device=device)
    e5.embed_passages_with_tokens(passages[:2])  # what is first is slower
    begun = time.perf_counter()
    vectors = np.array([one.dense for one in e5.embed_passages_with_tokens(passages)])
    alone = time.perf_counter() - begun
    begun = time.perf_counter()
    encoder.embed_passages(passages)
    encoder.embed_sentences([part for parts in passages for part in parts[1:]])
    both = time.perf_counter() - begun
    questions = [question.text for question in read_gold_set()][:_QUERIES]
    return {
        "e5_passages_per_s": round(len(passages) / alone, 1),
        "encoder_passages_per_s": round(len(passages) / both, 1),
        "query_ms": round(statistics.median(_time_query(encoder, question) for question in questions), 1),
    }, vectors


def _time_query(encoder: BundledEncoder, question: str) -> float:
    begun = time.perf_counter()
    encoder.embed_query(question)
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=0, help="passes at once; 0: as many as there are cores")
    threads = parser.parse_args().threads
    passages = read_passages()
    figures: dict[str, object] = {"passages": len(passages)}
    figures["cpu"], expected = measure_device("cpu", threads, passages)
    try:
        figures["cuda"], found = measure_device("cuda", threads, passages)
        figures["least_cosine"] = round(float((expected * found).sum(axis=1).min()), 4)
    except EmbeddingError as error:
        figures["cuda"] = str(error)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
