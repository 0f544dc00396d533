"""Documents of the web or of an object store that were fetched and lie on the disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.readers.base import ReadFailure, ReadResult, Source
from ingest.readers.formats import Format, read_stream
from ingest.readers.web_ids import address_id
from ingest.reasons import reason
from rag.addresses import web_address


class Validators(NamedTuple):
    """What a server calls a version of a page by: sent back, it says whether there is another one (RFC 9110, 13).

    Attributes
    ----------
    etag, modified : str
        As they came in `ETag` and `Last-Modified`; empty where they did not.
    """

    etag: str = ""
    modified: str = ""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Of a request that wants no more than another version."""
        named = ((b"If-None-Match", self.etag), (b"If-Modified-Since", self.modified))
        return [(name, value.encode("latin-1", "ignore")) for name, value in named if value]


NO_VALIDATORS = Validators()


class FetchedDocument(NamedTuple):
    """A document of the web that lies on the disk.

    Attributes
    ----------
    address : str
        Where it was.
    path : Path
        Where it is.
    known : Format or None
        How it is read; None where it is unchanged, and was not sent.
    validators : Validators
        Of the version.
    """

    address: str
    path: Path
    known: Format | None
    validators: Validators = NO_VALIDATORS


def read_document(document: FetchedDocument, max_chars: int, ocr: OcrOptions = NO_OCR) -> Iterator[ReadResult]:
    """The articles of a document; their source is its address. One that was not sent is a failure."""
    address = document.address
    if document.known is None:
        yield ReadFailure(address, reason("web_unchanged"))
        return
    source = Source(address, address_id(address), address, max_chars, web_address(address), ocr)
    with document.path.open("rb") as stream:
        yield from read_stream(stream, document.known, source)
