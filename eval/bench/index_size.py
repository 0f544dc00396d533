"""What a chunk takes on a Qdrant server: `python -m eval.bench.index_size FOLDER`.

Reads and embeds the articles of a folder, writes nothing, and prints one JSON object: how many chunks, and the mean
bytes of each of their parts as a server keeps them, before its own compression.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from ingest.embedding import embed_articles
from ingest.readers import find_files, read_file
from rag.embedding import open_encoder
from rag.settings import load_settings
from rag.store.points import chunk_point
from rag.store.server_requests import TERMS, VECTOR_TEXTS, to_server_point
from rag.types import Article

_FLOAT_BYTES, _TERM_BYTES = 4, 8


def measure_chunks(articles: Iterable[Article]) -> dict[str, float]:
    """Mean bytes of the parts of a chunk.

    Parameters
    ----------
    articles : iterable of Article
        Of different ids.
    """
    settings = load_settings()
    sizes: dict[str, list[int]] = {}
    for article, chunks in embed_articles(list(articles), settings.chunk_tokens, open_encoder(settings)):
        for chunk in chunks:
            payload = dict(to_server_point(chunk_point(article, chunk), 0).payload or {})
            texts = [payload.pop(field) for field in VECTOR_TEXTS.values()]
            parts = {
                "dense": _FLOAT_BYTES * chunk.passage.dense.size,
                "tokens": chunk.passage.tokens.size,
                "sentence": chunk.sentences.size,
                "vector_texts": sum(len(text.encode()) for text in texts),
                "terms": _TERM_BYTES * len(payload.pop(TERMS, ())),
                "lexical": _TERM_BYTES * len(chunk.lexical.indices),
                "payload": len(json.dumps(payload, ensure_ascii=False).encode()),
                "text": len(chunk.chunk.text.encode()),
            }
            for name, size in parts.items():
                sizes.setdefault(name, []).append(size)
    means = {name: round(sum(each) / len(each)) for name, each in sizes.items()}
    return {"chunks": len(sizes["dense"]), **means}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    read = (item for file, root in find_files([folder]) for item in read_file(file, root, 2_000_000))
    print(json.dumps(measure_chunks(item for item in read if isinstance(item, Article))))
