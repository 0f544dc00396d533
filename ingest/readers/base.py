"""What a reader is given and gives: the source of articles, an article or a failure."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from io import BufferedReader
from itertools import accumulate, groupby, pairwise
from typing import Any

from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.readers.headings import place_headings, take_marks
from ingest.readers.metadata import ArticleFields, DerivedId, clean_id, clean_line
from ingest.readers.original_file import OriginalFile
from ingest.readers.web_ids import address_id, choose_address
from ingest.reasons import reason
from rag.errors import ReadError
from rag.language.controls import replace_controls
from rag.language.document import Document
from rag.language.health import Health, heal_parts
from rag.types import Article, Heading, PageMap, Span

_MAX_FIRST_LINE_CHARS = 100
_UNUSABLE = frozenset({"reversed", "mojibake", "lost"})
"""Text of any format; that letters are named wrongly is a fault of fonts, and odd letters may be a list or a code."""
DAMAGED = "\ufffd"
"""Stands for bytes that are no character."""
_CONTEXT_CHARS = 20
_WORDS, _PLACES = ("title", "text", "language", "url", "date", "topic"), ("pages", "ocr", "headings")
"""Of an article: what its revision is made of."""
_MAX_BYTES_PER_CHAR = 4
"""Of UTF-8: a larger file is too long whatever it holds."""


@dataclass(frozen=True, slots=True)
class ReadFailure:
    """A file, or a line of one, that could not become an article.

    Attributes
    ----------
    path : str
        Of the file, with `:` and the number of the line.
    reason : str
        For the person who wrote it.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadWarning:
    """Something of an article that was read otherwise than it was written; the article is kept.

    Attributes
    ----------
    path : str
        As that of a failure.
    reason : str
        What was done, for the person who wrote it.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadSkip:
    """Something under a folder that is not read, which is no failure.

    Attributes
    ----------
    path : str
        Of a file, a folder or a link.
    reason : str
        Why, for the person who named the folder.
    """

    path: str
    reason: str


ReadResult = Article | ReadFailure | ReadWarning
"""One of the things that a reader gives."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where content comes from.

    Attributes
    ----------
    origin : str
        Kept with each article as its source.
    name : str
        Id of an article that has none of its own.
    path : str
        What failures are named by.
    max_chars : int
        Longest article.
    address : str, optional
        Of the web, of a page that was fetched.
    ocr : OcrOptions
        Whether scans are read.
    """

    origin: str
    name: str
    path: str
    max_chars: int
    address: str | None = None
    ocr: OcrOptions = NO_OCR

    def line(self, number: int) -> "Source":
        """The same for one line, numbered from 1."""
        return replace(self, name=f"{self.name}:{number}", path=f"{self.path}:{number}", address=None)

    def failure(self, why: str) -> ReadFailure:
        """A failure of this source."""
        return ReadFailure(self.path, why)

    def warning(self, why: str) -> ReadWarning:
        """A warning of this source."""
        return ReadWarning(self.path, why)


Reader = Callable[[BufferedReader, Source], Iterator[ReadResult]]
"""Reads the articles of a file or an upload; raises ReadError when the whole of it cannot be read."""


def make_article(
    fields: ArticleFields,
    content: str | Sequence[str],
    source: Source,
    heading: str | None = None,
    warnings: Iterable[str] = (),
    labels: Sequence[str] = (),
    is_ocr: Sequence[bool] = (),
    original: OriginalFile | None = None,
) -> Iterator[ReadResult]:
    """An article of what was read, and what was read otherwise than it was written.

    Parameters
    ----------
    fields : ArticleFields
        What its writer said of it.
    content : str or sequence of str
        Its words; of a document that has pages, those of each page, with the white space that parts it from the next.
        Lines that are headings are marked (`ingest.readers.headings`).
    source : Source
        Where they come from.
    heading : str, optional
        Its title, where the fields have none.
    warnings : iterable of str
        Beside those of the fields.
    labels : sequence of str
        What the document calls each page; none where these are the numbers.
    is_ocr : sequence of bool
        Of each page whether it was read by OCR; none where none was.
    original : OriginalFile, optional
        The document, where its pages can be shown.

    Raises
    ------
    ReadError
        When there are no words, or too many, or not those that were written, or the source's name can be no id.
    """
    marked = [replace_controls(part) for part in ([content] if isinstance(content, str) else content)]
    parts, heading_lines = take_marks(marked)
    healed, health = _heal(parts, source.max_chars, [*is_ocr] or [False] * len(parts))
    text = "".join(healed).strip()
    title = fields.title or clean_line(heading or "") or _first_line(text)
    url = choose_address(fields.url, source.address) if source.address else fields.url
    article = Article(
        id=fields.id or _name_article(source, url),
        title=title,
        text=text,
        language=fields.language or Document(text).language,
        revision="",
        source=source.origin,
        url=url,
        date=fields.date,
        topic=fields.topic,
        pages=None if isinstance(content, str) else _map_pages(healed, labels),
        health=health.state,
        original=original,
        **_place_parts(healed, title, is_ocr, place_headings(healed, heading_lines)),
    )
    yield replace(article, revision=compute_revision(article))
    yield from map(source.warning, (*warnings, *fields.problems, *_describe_damage(text), *_describe_health(health)))


def _name_article(source: Source, url: str | None) -> str:
    """The id of an article that has none of its own."""
    return clean_id(address_id(url)) if source.address and url else DerivedId(clean_id(source.name))


def _place_parts(
    healed: Sequence[str], title: str, is_ocr: Sequence[bool], headings: tuple[Heading, ...]
) -> dict[str, Any]:
    """What of a text was read by OCR, and its headings but one that heads the whole."""
    text = "".join(healed).strip()
    below = headings[1:] if headings and text[: headings[0].end] == title else headings
    return {"ocr": _join_spans(_page_spans(healed), is_ocr) if any(is_ocr) else (), "headings": below}


def _heal(parts: Sequence[str], max_chars: int, is_ocr: Sequence[bool]) -> tuple[list[str], Health]:
    """The parts of a text, mended where that is safe, and what they are; raises ReadError where they are no article.
    What OCR read was judged with its confidence."""
    if not any(char.isalnum() for part in parts for char in part):
        raise ReadError(reason("no_words"))
    mended, health = heal_parts([part for part, by_ocr in zip(parts, is_ocr, strict=True) if not by_ocr])
    rest = iter(mended)
    healed = [part if by_ocr else next(rest) for part, by_ocr in zip(parts, is_ocr, strict=True)]
    if any(is_ocr) and health.state in ("ok", "too short"):
        health = Health("ocr")
    if health.state in _UNUSABLE:
        raise ReadError(reason(health.code))
    length = len("".join(healed).strip())
    if length > max_chars:
        raise ReadError(reason("too_long", length=length, limit=max_chars))
    return healed, health


def _describe_health(health: Health) -> Iterator[str]:
    """What whoever reads the warning should look at."""
    if health.state == "mended":
        yield reason("mended")
    elif health.state == "mixed":
        yield reason("text_mixed", problem=reason(health.code))
    elif health.state == "garbled":
        yield reason("text_odd")


def read_limited(stream: BufferedReader, source: Source, bytes_per_char: int = _MAX_BYTES_PER_CHAR) -> bytes:
    """The content of a stream; raises ReadError, without reading it, when it is too large for one article."""
    size = stream.seek(0, 2)
    stream.seek(0)
    if size > bytes_per_char * source.max_chars:
        raise ReadError(reason("too_large", size=size / 1e6, limit=source.max_chars))
    return stream.read()


def compute_revision(article: Article) -> str:
    """Hash of all that is kept of an article but its id, source, health and original, 24 hexadecimal digits. One
    without pages, OCR and headings has the revision that it had before these were kept."""
    places = {name: getattr(article, name) for name in _PLACES}
    kept = {name: getattr(article, name) for name in _WORDS} | {name: one for name, one in places.items() if one}
    content = json.dumps(kept, ensure_ascii=False, sort_keys=True, default=asdict)
    return blake2b(content.encode(), digest_size=12).hexdigest()


def _map_pages(parts: Sequence[str], labels: Sequence[str]) -> PageMap:
    """Where each part begins in the text that all of them are, stripped."""
    return PageMap(tuple(span.start for span in _page_spans(parts)), tuple(labels))


def _page_spans(parts: Sequence[str]) -> list[Span]:
    """Each part in the text that all of them are, stripped."""
    whole = "".join(parts)
    before, length = len(whole) - len(whole.lstrip()), len(whole.strip())
    places = [min(max(0, place - before), length) for place in accumulate(map(len, parts), initial=0)]
    return [Span(start, end) for start, end in pairwise(places)]


def _join_spans(spans: Sequence[Span], is_wanted: Sequence[bool]) -> tuple[Span, ...]:
    """Those that are wanted, neighbours as one."""
    groups = groupby(zip(spans, is_wanted, strict=True), lambda pair: pair[1])
    joined = ([span for span, _ in group] for wanted, group in groups if wanted)
    return tuple(Span(group[0].start, group[-1].end) for group in joined)


def _describe_damage(text: str) -> Iterator[str]:
    """What a reader of the warning finds the damaged characters by."""
    count = text.count(DAMAGED)
    if count:
        at = text.index(DAMAGED)
        around = clean_line(text[max(0, at - _CONTEXT_CHARS) : at + _CONTEXT_CHARS])
        code, line = "damaged_character" if count == 1 else "damaged_characters", text.count("\n", 0, at) + 1
        yield reason(code, count=count, line=line, around=around)


def _first_line(text: str) -> str:
    """The first line that can be seen, cut at a word."""
    line = next(filter(None, map(clean_line, text.split("\n"))), "")
    if len(line) <= _MAX_FIRST_LINE_CHARS:
        return line
    return line[:_MAX_FIRST_LINE_CHARS].rsplit(" ", 1)[0] + "…"
