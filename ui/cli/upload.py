"""Files to a running service, which owns the index and takes them in while it answers."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ingest.indexer import IndexResult, Progress
from ingest.readers import (
    Format,
    ReadFailure,
    ReadWarning,
    cut_json,
    describe_unread,
    file_id,
    file_source,
    format_of_file,
    shorten_id,
)
from rag.errors import ReadError
from ui.cli.client import ServiceClient, message_of

_LINES = "application/jsonl"
_MANY_ARTICLES = (_LINES, "application/json")
_TOO_LARGE = "body_too_large"
_MIN_BODY_BYTES = 10_000
"""The least that a service may be set to take (DALIL_MAX_BODY_BYTES)."""


def upload_files(
    url: str,
    key: str | None,
    files: Sequence[tuple[Path, Path]],
    max_body_bytes: int,
    progress: Progress,
    ocr: bool = False,
) -> IndexResult:
    """Send files to a service.

    Parameters
    ----------
    url : str
        Of the service.
    key : str or None
        That lets a request in.
    files : sequence of (Path, Path)
        Each with the folder that its id counts from.
    max_body_bytes : int
        JSON of many articles is cut into bodies no longer than this, or than the service takes.
    progress : callable
        Told after every file.
    ocr : bool
        Whether the service is to read scans.

    Raises
    ------
    StoreError
        When the service cannot be reached or lets nobody in.
    """
    result = IndexResult()
    with ServiceClient(url, key) as client:
        progress(0, len(files))
        for number, (file, root) in enumerate(files, 1):
            _upload_file(client, file, root, max_body_bytes, result, {"ocr": "true"} if ocr else {})
            progress(number, len(files))
    return result


def _upload_file(
    client: ServiceClient, file: Path, root: Path, max_body_bytes: int, result: IndexResult, options: dict[str, str]
) -> None:
    known = format_of_file(file)
    if known is None:
        result.failed.append(ReadFailure(str(file), describe_unread(file)))
        return
    names = {"name": shorten_id(file_id(file, root)), "source": file_source(file)} | options
    try:
        content = file.read_bytes()
        for reply in send_content(client, content, known, names, max_body_bytes):
            _note_reply(file, reply, result)
    except OSError as error:
        result.failed.append(ReadFailure(str(file), f"It cannot be read: {error.strerror}."))
    except ReadError as error:
        result.failed.append(ReadFailure(str(file), str(error)))


def send_content(
    client: ServiceClient, content: bytes, known: Format, names: dict[str, str], max_body_bytes: int
) -> Iterator[dict[str, Any]]:
    """Send the content of a file in as many bodies as it takes.

    Parameters
    ----------
    client : ServiceClient
        Sends them.
    content : bytes
        As the file has it.
    known : Format
        Of the file. JSON alone can be cut: every other file is one article.
    names : dict of str
        What the service is to call it, and how it is to read it.
    max_body_bytes : int
        Of a body; where the service takes less, it is halved.

    Yields
    ------
    dict
        What became of each body.

    Raises
    ------
    ReadError
        Where an array of JSON ends badly.
    """
    is_cut = known.media_types[0] in _MANY_ARTICLES and len(content) > max_body_bytes
    media_type = _LINES if is_cut else known.media_types[0]
    for body in cut_json(_open(content), max_body_bytes) if is_cut else [content]:
        reply = client.upload("/v1/articles", body, media_type, **names)
        can_be_cut = known.media_types[0] in _MANY_ARTICLES and max_body_bytes > _MIN_BODY_BYTES
        has_several = b"\n" in body.strip() or not is_cut
        if can_be_cut and has_several and reply.get("error", {}).get("code") == _TOO_LARGE:
            smaller = max(_MIN_BODY_BYTES, min(max_body_bytes, len(body)) // 2)
            yield from send_content(client, content, known, names, smaller)
            return
        yield reply


def _open(content: bytes) -> io.BufferedReader:
    stream: Any = io.BytesIO(content)
    return io.BufferedReader(stream)


def _note_reply(file: Path, body: dict[str, Any], result: IndexResult) -> None:
    if "error" in body or body.get("status") == "failed":
        result.failed.append(ReadFailure(str(file), message_of(body)))
        return
    result.added.extend(body["added"])
    result.changed.extend(body["changed"])
    result.unchanged.extend(body["unchanged"])
    result.failed.extend(ReadFailure(f"{file}: {place}", reason) for place, reason in body["failed"].items())
    result.warnings.extend(ReadWarning(f"{file}: {place}", reason) for place, reason in body["warnings"].items())
