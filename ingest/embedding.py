"""Articles with their chunks in every representation."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ingest.chunker import chunk_article
from rag.embedding import Encoder
from rag.embedding.bm25 import lexical_vector
from rag.language.document import Document
from rag.language.normalize import normalize_for_embedding
from rag.store import EmbeddedChunk
from rag.types import Article

EmbeddedArticle = tuple[Article, list[EmbeddedChunk]]


def embed_articles(articles: Sequence[Article], chunk_tokens: int, encoder: Encoder) -> Iterator[EmbeddedArticle]:
    """Each article with its chunks in every representation, embedded in one pass.

    The title goes before a chunk in every representation but that of sentences, since a later chunk seldom names what
    it is about (measured on the gold set: docs/explanation/decisions.md).

    Parameters
    ----------
    articles : sequence of Article
        Of different ids.
    chunk_tokens : int
        Largest chunk.
    encoder : Encoder
        Makes the vectors.
    """
    pairs = [(article, chunk) for article in articles for chunk in chunk_article(article, chunk_tokens)]
    parts = [[article.title, *(article.text[slice(*span)] for span in chunk.sentences)] for article, chunk in pairs]
    texts = [[normalize_for_embedding(part) for part in of_chunk] for of_chunk in parts]
    with ThreadPoolExecutor(1, thread_name_prefix="sentences") as executor:
        of_sentences = executor.submit(encoder.embed_sentences, [part for of_chunk in texts for part in of_chunk[1:]])
        passages = encoder.embed_passages(texts)
        sentences = iter(of_sentences.result())
    embedded: dict[str, list[EmbeddedChunk]] = {article.id: [] for article in articles}
    for (article, chunk), vectors in zip(pairs, passages, strict=True):
        lexical = lexical_vector(Document(f"{article.title}\n{chunk.text}"))
        rows = np.array([next(sentences) for _ in chunk.sentences], np.float32)
        embedded[article.id].append(EmbeddedChunk(chunk, vectors, rows, lexical))
    for article in articles:
        yield article, embedded[article.id]
