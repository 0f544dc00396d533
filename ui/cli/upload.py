"""Files to a running service, which owns the index and takes them in while it answers."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from ingest.indexer import IndexResult, Progress
from ingest.readers import ReadFailure, file_id, format_of_file
from rag.errors import StoreError

_TIMEOUT_S = 300.0
_POLL_S = 0.5


def upload_files(url: str, key: str | None, files: Sequence[tuple[Path, Path]], progress: Progress) -> IndexResult:
    """Send files to a service.

    Parameters
    ----------
    url : str
        Of the service.
    key : str or None
        That lets a request in.
    files : sequence of (Path, Path)
        Each with the folder that its id counts from.
    progress : callable
        Told after every file.

    Raises
    ------
    StoreError
        When the service cannot be reached or lets nobody in.
    """
    result = IndexResult()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S) as client:
            progress(0, len(files))
            for number, (file, root) in enumerate(files, 1):
                _upload_file(client, file, root, result)
                progress(number, len(files))
    except httpx.HTTPError as error:
        raise StoreError(f"The service at {url} does not answer: {error}. What was sent before is kept.") from error
    return result


def _upload_file(client: httpx.Client, file: Path, root: Path, result: IndexResult) -> None:
    known = format_of_file(file)
    if known is None:
        result.failed.append(ReadFailure(str(file), f"Dalil does not read {file.suffix or 'files without a suffix'}."))
        return
    try:
        content = file.read_bytes()
    except OSError as error:
        result.failed.append(ReadFailure(str(file), f"It cannot be read: {error.strerror}."))
        return
    media_type = {"Content-Type": known.media_types[0]}
    response = client.post("/v1/articles", params={"name": file_id(file, root)}, content=content, headers=media_type)
    body = _read_json(response)
    if response.status_code in (401, 403):
        raise StoreError(f"The service does not let us in: {_message_of(body)} Set DALIL_API_KEYS to its key.")
    while body.get("status") == "running":
        time.sleep(_POLL_S)
        body = _read_json(client.get(f"/v1/jobs/{body['id']}"))
    if "error" in body or body.get("status") == "failed":
        result.failed.append(ReadFailure(str(file), _message_of(body)))
        return
    result.added.extend(body["added"])
    result.changed.extend(body["changed"])
    result.unchanged.extend(body["unchanged"])
    result.failed.extend(ReadFailure(f"{file}: {place}", reason) for place, reason in body["failed"].items())


def _message_of(body: dict[str, Any]) -> str:
    """What a failed request or job says."""
    return str(body.get("message") or body["error"]["message"])


def _read_json(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise StoreError(f"What answers at {response.url} is no Dalil: it says {response.status_code} and no JSON.")
    return body
