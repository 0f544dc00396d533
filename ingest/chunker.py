"""An article into chunks of whole sentences, by offsets into its text."""

from collections.abc import Iterator, Sequence

from rag.language.text import language, sentences, trimmed
from rag.language.tokens import token_counts
from rag.types import Article, Chunk, Span

_WORDS_OF_A_LANGUAGE = 6
_PIECE_CHARS = 200
"""A sentence over the budget is cut at the last white space before this many characters, or hard at it."""


def split(article: Article, budget: int) -> list[Chunk]:
    """Chunks in order, each of whole sentences and at most `budget` tokens.

    Chunk and sentence spans are trimmed of white space at their ends; `article.text[start:end] == chunk.text`.
    Chunks of one article are about equally long, so that none is a scrap. A sentence longer than the budget is
    cut at white space.
    """
    pieces = [piece for sentence in sentences(article.text) for piece in _pieces(article.text, sentence, budget)]
    pieces = [span for span in (trimmed(article.text, piece) for piece in pieces) if span.start < span.end]
    # A piece is counted with the white space after it, which stands inside the chunk.
    ends = [*(span.start for span in pieces[1:]), *(span.end for span in pieces[-1:])]
    lengths = token_counts([article.text[span.start : end] for span, end in zip(pieces, ends, strict=True)])
    return [
        _chunk(article, part)
        for start, end in _monolingual(article, pieces)
        for group in _groups(pieces[start:end], lengths[start:end], budget)
        for part in _fitting(article.text, group, budget)
    ]


def _monolingual(article: Article, pieces: Sequence[Span]) -> Iterator[Span]:
    """Runs of pieces in one language: vectors of two languages lie apart, and are compared on scales of their own."""
    start, current = 0, None
    for at, piece in enumerate(pieces):
        text = article.text[piece.start : piece.end]
        if len(text.split()) < _WORDS_OF_A_LANGUAGE:
            continue  # a name or a heading in the other script changes nothing
        found = language(text, article.language)
        if current not in (None, found):
            yield Span(start, at)
            start = at
        current = found
    if start < len(pieces):
        yield Span(start, len(pieces))


def _pieces(text: str, sentence: Span, budget: int) -> Iterator[Span]:
    whole = text[sentence.start : sentence.end]
    if 4 * len(whole) <= budget or token_counts([whole])[0] <= budget:  # a character is at most four bytes, or tokens
        yield sentence
        return
    size = min(_PIECE_CHARS, budget // 2)  # a character is seldom more than two tokens
    start = sentence.start
    while start < sentence.end:
        end = min(start + size, sentence.end)
        space = max(text.rfind(" ", start, end), text.rfind("\t", start, end))
        if end < sentence.end and space > start:
            end = space + 1
        while token_counts([text[start:end]])[0] > budget:
            end = (start + end) // 2
        yield Span(start, end)
        start = end


def _groups(pieces: Sequence[Span], lengths: Sequence[int], budget: int) -> Iterator[list[Span]]:
    total = sum(lengths)
    share = total / -(-total // budget) if total else budget
    group: list[Span] = []
    used = 0
    for piece, length in zip(pieces, lengths, strict=True):
        if group and (used + length > budget or used + length / 2 > share):
            yield group
            group, used = [], 0
        group.append(piece)
        used += length
    if group:
        yield group


def _fitting(text: str, group: Sequence[Span], budget: int) -> Iterator[Sequence[Span]]:
    """The group, or its halves where the whole has more tokens than its sentences apart: rare, but encodings do so."""
    if len(group) == 1 or token_counts([text[group[0].start : group[-1].end]])[0] <= budget:
        yield group
        return
    half = len(group) // 2
    yield from _fitting(text, group[:half], budget)
    yield from _fitting(text, group[half:], budget)


def _chunk(article: Article, group: Sequence[Span]) -> Chunk:
    start, end = group[0].start, group[-1].end
    text = article.text[start:end]
    return Chunk(article.id, article.revision, start, end, text, language(text, article.language), tuple(group))
