"""An article into chunks of whole sentences, by offsets into its text."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rag.language.document import Document
from rag.language.sentences import trim_span
from rag.language.tokens import count_tokens
from rag.types import Article, Chunk, Span

_MIN_WORDS_OF_A_LANGUAGE = 6
"""A shorter sentence in the other script is a name or a heading, and changes nothing."""
_MAX_PIECE_CHARS = 200
"""A sentence over the budget is cut at the last white space before this many characters, or hard at it."""
_MAX_TOKENS_PER_CHAR = 4
"""A character is at most four bytes, or tokens."""


def chunk_article(article: Article, max_tokens: int) -> list[Chunk]:
    """Cut an article into chunks, each of whole sentences and in one language.

    Chunk and sentence spans are trimmed of white space at their ends; `article.text[start:end] == chunk.text`. Chunks
    of one article are about equally long, so that none is a scrap. A sentence longer than the budget is cut at white
    space.

    Parameters
    ----------
    article : Article
        Of any length.
    max_tokens : int
        Of a chunk, in o200k_base.

    Returns
    -------
    list of Chunk
        In order.
    """
    document = Document(article.text, article.language)
    pieces = [piece for sentence in document.sentences for piece in _cut_long(article.text, sentence, max_tokens)]
    pieces = [span for span in (trim_span(article.text, piece) for piece in pieces) if span.start < span.end]
    # A piece is counted with the white space after it, which stands inside the chunk.
    ends = [*(span.start for span in pieces[1:]), *(span.end for span in pieces[-1:])]
    lengths = count_tokens([article.text[span.start : end] for span, end in zip(pieces, ends, strict=True)])
    return [
        _make_chunk(article, document, part)
        for start, end in pairwise([0, *_language_changes(document, pieces), len(pieces)])
        for group in _group(pieces[start:end], lengths[start:end], max_tokens)
        for part in _halve_if_too_long(article.text, group, max_tokens)
    ]


def _language_changes(document: Document, pieces: Sequence[Span]) -> Iterator[int]:
    """Numbers of the pieces before which the language changes: vectors of two languages lie apart, and are compared on
    scales of their own."""
    current = None
    for at, piece in enumerate(pieces):
        if len(document.text[slice(*piece)].split()) < _MIN_WORDS_OF_A_LANGUAGE:
            continue
        language = document.part(piece).language
        if current not in (None, language):
            yield at
        current = language


def _cut_long(text: str, sentence: Span, max_tokens: int) -> Iterator[Span]:
    """A sentence, or its pieces when it is over the budget."""
    whole = text[slice(*sentence)]
    if _MAX_TOKENS_PER_CHAR * len(whole) <= max_tokens or count_tokens([whole])[0] <= max_tokens:
        yield sentence
        return
    size = min(_MAX_PIECE_CHARS, max_tokens // 2)  # a character is seldom more than two tokens
    start = sentence.start
    while start < sentence.end:
        end = min(start + size, sentence.end)
        space = max(text.rfind(" ", start, end), text.rfind("\t", start, end))
        if end < sentence.end and space > start:
            end = space + 1
        while count_tokens([text[start:end]])[0] > max_tokens:
            end = (start + end) // 2
        yield Span(start, end)
        start = end


def _group(pieces: Sequence[Span], lengths: Sequence[int], max_tokens: int) -> Iterator[list[Span]]:
    """Groups of pieces under the budget and about equally long."""
    total = sum(lengths)
    share = total / -(-total // max_tokens) if total else max_tokens
    group: list[Span] = []
    used = 0
    for piece, length in zip(pieces, lengths, strict=True):
        if group and (used + length > max_tokens or used + length / 2 > share):
            yield group
            group, used = [], 0
        group.append(piece)
        used += length
    if group:
        yield group


def _halve_if_too_long(text: str, group: Sequence[Span], max_tokens: int) -> Iterator[Sequence[Span]]:
    """The group, or its halves where the whole has more tokens than its sentences apart: rare, but encodings do so."""
    if len(group) == 1 or count_tokens([text[group[0].start : group[-1].end]])[0] <= max_tokens:
        yield group
        return
    half = len(group) // 2
    yield from _halve_if_too_long(text, group[:half], max_tokens)
    yield from _halve_if_too_long(text, group[half:], max_tokens)


def _make_chunk(article: Article, document: Document, group: Sequence[Span]) -> Chunk:
    span = Span(group[0].start, group[-1].end)
    text, language = article.text[slice(*span)], document.part(span).language
    return Chunk(article.id, article.revision, span.start, span.end, text, language, tuple(group))
