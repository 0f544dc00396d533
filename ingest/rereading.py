"""Articles read again from their kept originals: by newer readers, with OCR, with another password."""

from collections.abc import Iterator
from dataclasses import replace

from ingest.known_files import FileEnd, FoundItem, hash_file
from ingest.ocr.options import OcrOptions
from ingest.originals import Originals
from ingest.readers import ReadFailure, Source, compute_revision, format_of_file, read_stream
from ingest.reasons import reason
from rag.addresses import web_address
from rag.settings import Settings
from rag.store import Store
from rag.types import Article


def read_original(
    store: Store, originals: Originals, article_id: str, settings: Settings, is_asked: bool = False
) -> Iterator[FoundItem]:
    """An article of the index as its original is read now, under the id, the source and the name that it has.

    Parameters
    ----------
    store : Store
        The index.
    originals : Originals
        Of the index.
    article_id : str
        Of an article; what is read goes to `Indexer.index` or `Indexer.plan`.
    settings : Settings
        How long an article may be, and whether scans are read.
    is_asked : bool
        Whether somebody asks for that; what was read by OCR before is so again all the same.

    Yields
    ------
    FoundItem
        A failure where no original is kept, or it cannot be read.

    Raises
    ------
    NotFoundError
        When there is no such article.
    """
    before = store.get_article(article_id)
    ocr = OcrOptions.of(settings.ocr, settings.tesseract, is_asked or bool(before.ocr))
    path = originals.find(before.original)
    known = format_of_file(path) if path else None
    if path is None or known is None:
        yield ReadFailure(article_id, reason("no_original"))
        return
    if before.ocr and not ocr.is_on:
        yield ReadFailure(article_id, reason("reread_ocr_off"))
        return
    address = web_address(before.source)
    source = Source(before.source, article_id, article_id, settings.max_article_chars, address, ocr)
    with path.open("rb") as stream:
        for item in read_stream(stream, known, source):
            yield _keep_identity(item, before) if isinstance(item, Article) else item
    if before.source.lower().endswith(path.suffix):  # the same bytes as those of the file
        yield FileEnd(before.source, hash_file(path, settings.max_article_chars), 1)


def _keep_identity(read: Article, before: Article) -> Article:
    """What was read as the article that it was; a title that a person has given it stays."""
    is_renamed = before.revision != compute_revision(before)
    title = before.title if is_renamed else read.title
    return replace(read, id=before.id, source=before.source, title=title, original=read.original or before.original)
