"""Documents in object stores, by address: `s3://bucket/folder`, `gs://...`, `az://...`, and whatever else fsspec knows.

The store of a scheme is a package of its own (`pip install 'dalil[s3]'`); keys come from where that package looks for
them: the environment, a file of its own, or the machine's role.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from ingest.fetched import FetchedDocument, Validators
from ingest.known_files import FoundItem, read_marked_page
from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.readers import ReadFailure
from ingest.readers.formats import can_read, format_of_file
from ingest.reasons import reason
from rag.addresses import has_password
from rag.errors import InputError

_EXTRAS = {"s3": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az"}
_PATTERN = "*?["
_CHAIN = "::"
"""Of fsspec: a store within another, so that any could be asked past the limits that hold for the web."""


class StoredObject(NamedTuple):
    """A document in an object store that is to be read.

    Attributes
    ----------
    address : str
        With its scheme.
    version : str
        What the store tells a version of it by.
    is_known : bool
        Whether the index has this version.
    max_chars : int
        Longest article.
    ocr : OcrOptions
        Whether scans are read.
    """

    address: str
    version: str
    is_known: bool
    max_chars: int
    ocr: OcrOptions = NO_OCR

    def read(self) -> Iterator[FoundItem]:
        """Its articles; it is on this machine's disk meanwhile. One that cannot be had is a failure."""
        import fsspec

        with tempfile.TemporaryDirectory(prefix="dalil-object-") as folder:
            path = Path(folder) / PurePosixPath(urlsplit(self.address).path).name
            try:
                files, place = fsspec.core.url_to_fs(self.address)
                files.get_file(place, str(path))
            except Exception as error:  # what stores raise has nothing in common
                yield ReadFailure(self.address, reason("object_store", error=f"{type(error).__name__}: {error}"))
                return
            known = format_of_file(path)
            yield from read_marked_page(self._as_document(path, known is not None), self.max_chars, self.ocr)

    def as_known(self) -> FetchedDocument:
        """It as a document that is there already."""
        return self._as_document(Path(), is_there=False)

    def _as_document(self, path: Path, is_there: bool) -> FetchedDocument:
        known = format_of_file(path) if is_there else None
        return FetchedDocument(self.address, path, known, Validators(self.version))


def list_objects(
    addresses: Iterable[str], known: Mapping[str, Validators], max_chars: int, ocr: OcrOptions = NO_OCR
) -> list[StoredObject]:
    """The documents that Dalil reads under addresses, in order of address.

    Parameters
    ----------
    addresses : iterable of str
        Of objects, of folders, or with a pattern (`s3://bucket/2024/*.pdf`).
    known : mapping of str to Validators
        What the documents that the index has are told by.
    max_chars : int
        Longest article.
    ocr : OcrOptions
        Whether scans are read.

    Raises
    ------
    InputError
        When a store cannot be looked into, or holds nothing to read.
    """
    found: dict[str, StoredObject] = {}
    for address in addresses:
        versions = _list_versions(address)
        if not versions:
            raise InputError(f"{address}: there is nothing to read here. Nothing was changed.")
        for one, version in versions.items():
            is_known = one in known and known[one].etag == version
            found[one] = StoredObject(one, version, is_known, max_chars, ocr)
    return [found[one] for one in sorted(found)]


def _check_address(address: str) -> None:
    if _CHAIN in address:
        raise InputError(f"{address}: an address names one store alone, without `{_CHAIN}`.")
    if has_password(address):
        raise InputError("An address is kept with its articles, so it may hold no password: set it where the store's "
                         "package looks for keys.")  # fmt: skip


def _list_versions(address: str) -> dict[str, str]:
    """What each document under an address is told by."""
    import fsspec

    _check_address(address)
    scheme = urlsplit(address).scheme
    try:
        files, place = fsspec.core.url_to_fs(address)
        is_pattern = any(sign in address for sign in _PATTERN)
        places = files.glob(place) if is_pattern else files.find(place)
        readable = [one for one in places if can_read(Path(one))]
        return {files.unstrip_protocol(one): str(files.ukey(one)) for one in readable}
    except ImportError as error:
        extra = _EXTRAS.get(scheme)
        remedy = f"pip install 'dalil[{extra}]'" if extra else f"fsspec's package for {scheme}://"
        raise InputError(f"{address} needs {remedy}.") from error
    except Exception as error:  # what stores raise has nothing in common
        raise InputError(f"{address} cannot be looked into ({type(error).__name__}: {error}).") from error
