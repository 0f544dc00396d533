"""From addresses to documents on the disk, sitemaps and feeds followed to their pages, and from these to articles."""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote, urldefrag, urlsplit

from ingest.fetched import FetchedDocument, Validators
from ingest.readers.base import ReadFailure
from ingest.readers.formats import WORDPRESS, format_of_file, format_of_media_type
from ingest.web.client import Fetched, Limits, WebClient
from ingest.web.listings import is_wordpress_export, list_addresses, unpack
from rag.errors import ReadError

DEFAULT_LIMITS = Limits()
_MAX_LEVELS = 3
"""An index of sitemaps, a sitemap, a page."""
_MAX_TOTAL_BYTES = 2_000_000_000
_MAX_FAILURES_IN_A_ROW = 5
"""After which a host is left alone."""
_GENERAL_TYPES = ("", "application/octet-stream", "binary/octet-stream")
"""That say nothing: the name of the file does."""


class _Waiting(NamedTuple):
    address: str
    level: int


def collect_documents(
    addresses: Sequence[str],
    let_through: Collection[str],
    folder: Path,
    progress: Callable[[int, int], None],
    limits: Limits = DEFAULT_LIMITS,
    known: Mapping[str, Validators] = MappingProxyType({}),
) -> list[FetchedDocument | ReadFailure]:
    """Fetch addresses and what they list, each once, in order.

    Parameters
    ----------
    addresses : sequence of str
        Of pages, other documents, sitemaps, feeds.
    let_through : collection of str
        Hosts that may have private addresses, lower case.
    folder : Path
        Where the documents are put.
    progress : callable
        Told the number of addresses that are done, and of those that are known.
    limits : Limits
        Of number, bytes and time.
    known : mapping of str to Validators
        Of the documents that need not come again as they are, by address.
    """
    client = WebClient(let_through, limits, known)
    waiting = deque(_Waiting(urldefrag(address)[0], 1) for address in addresses)
    seen = {one.address for one in waiting}
    found: list[FetchedDocument | ReadFailure] = []
    failures: dict[str, int] = {}
    done = total_bytes = 0
    while waiting and done < limits.addresses and total_bytes < _MAX_TOTAL_BYTES:
        progress(done, min(done + len(waiting), limits.addresses))
        address, level = waiting.popleft()
        host = urlsplit(address).hostname or ""
        done += 1
        try:
            if failures.get(host, 0) >= _MAX_FAILURES_IN_A_ROW:
                raise ReadError(f"{host} failed {_MAX_FAILURES_IN_A_ROW} times in a row and is asked no more.")
            fetched = client.fetch(address)
            failures[host] = 0
            total_bytes += len(fetched.content)
            fetched = fetched._replace(content=unpack(fetched.content, limits.max_bytes))
            listed = _list_addresses(fetched)
            if listed is None:
                found.append(_keep(fetched, folder / str(done)))
                continue
            if level == _MAX_LEVELS or not listed:
                raise ReadError("It lists no pages." if not listed else "It is a list in a list in a list.")
            waiting.extend(_Waiting(one, level + 1) for one in listed if one not in seen)
            seen.update(listed)
        except ReadError as error:
            failures[host] = failures.get(host, 0) + 1
            found.append(ReadFailure(address, str(error)))
    progress(done, done)
    if waiting:
        why = f"It and {len(waiting) - 1:,} more are left out: {done:,} were fetched (--max-pages)."
        found.append(ReadFailure(waiting[0].address, why))
    return found


def _list_addresses(fetched: Fetched) -> list[str] | None:
    """The addresses that a sitemap or a feed lists; None where it is a document."""
    is_document = fetched.is_unchanged or is_wordpress_export(fetched.content)
    return None if is_document else list_addresses(fetched.content, fetched.address)


def _keep(fetched: Fetched, path: Path) -> FetchedDocument:
    if fetched.is_unchanged:
        return FetchedDocument(fetched.address, path, None, fetched.validators)
    media_type = fetched.media_type.partition(";")[0].strip().lower()
    named = format_of_file(Path(PurePosixPath(unquote(urlsplit(fetched.address).path)).name))
    known = named if media_type in _GENERAL_TYPES else format_of_media_type(media_type) or None
    if is_wordpress_export(fetched.content):
        known = WORDPRESS
    if known is None:
        raise ReadError(f"Dalil does not read {media_type or 'what its server names no kind of'}.")
    path.write_bytes(fetched.content)
    return FetchedDocument(fetched.address, path, known, fetched.validators)
