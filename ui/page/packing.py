"""What is packed once and kept in a cache on the disk, beside the model files: packing what the page is made of takes
1.4 s of a processor, at each start and for each process."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from rag.embedding.model_files import default_cache

_FOLDER = "page"
_NAME_LENGTH = 32
"""Hexadecimal digits of the hash of a content: 128 bits."""
_DIGEST_BYTES = 32


def pack_once(way: str, content: bytes, pack: Callable[[bytes], bytes]) -> bytes:
    """A content as it is packed, from the cache where it is there and whole; a cache that cannot be written is done
    without.

    Parameters
    ----------
    way : str
        Names how it is packed, with all that decides what comes out, such as the version of a library.
    content : bytes
        To be packed.
    pack : callable
        Packs it.
    """
    path = default_cache() / _FOLDER / f"{sha256(content).hexdigest()[:_NAME_LENGTH]}.{way}"
    kept = _read(path)
    if kept is not None:
        return kept
    packed = pack(content)
    with suppress(OSError):
        _write(path, packed)
    return packed


def _read(path: Path) -> bytes | None:
    try:
        kept = path.read_bytes()
    except OSError:
        return None
    digest, packed = kept[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
    return packed if sha256(packed).digest() == digest else None


def _write(path: Path, packed: bytes) -> None:
    """Put a file in place as one step; what a loss of power spoils is told by its digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(sha256(packed).digest() + packed)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
