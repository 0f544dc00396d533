"""Ids of articles that have an address of the web."""

from hashlib import blake2b
from urllib.parse import unquote, urlsplit

_MAX_CHARS = 200
"""Of an id that is given."""
_HASH_CHARS = 12


def address_id(address: str) -> str:
    """An id made of an address: its host, path and query as people read them. The same for http and https, with and
    without a slash at the end."""
    parts = urlsplit(address)
    path = "/".join(step for step in unquote(parts.path).split("/") if step.strip() not in ("", ".", ".."))
    words = f"{parts.netloc.rpartition('@')[2].lower()}/{path}".strip("/")
    words += f"?{unquote(parts.query)}" if parts.query else ""
    if len(words) <= _MAX_CHARS:
        return words
    return (
        f"{words[: _MAX_CHARS - _HASH_CHARS - 1]}-{blake2b(address.encode(), digest_size=_HASH_CHARS // 2).hexdigest()}"
    )


def choose_address(stated: str | None, address: str) -> str:
    """The address of a page: what it states itself where that is of the same host, since a page may not take the place
    of another host's article; else the one that it was fetched from."""
    host = urlsplit(address).hostname or ""
    stated_host = (urlsplit(stated).hostname or "") if stated else ""
    return stated if stated and stated_host.removeprefix("www.") == host.removeprefix("www.") else address
