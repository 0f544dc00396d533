"""Files to a running service, which owns the index and takes them in while it answers."""

from collections.abc import Sequence
from pathlib import Path

from ingest.indexer import IndexResult, Progress
from ingest.readers import ReadFailure, ReadWarning, file_id, file_source, format_of_file, shorten_id
from ui.cli.client import ServiceClient, message_of


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
    with ServiceClient(url, key) as client:
        progress(0, len(files))
        for number, (file, root) in enumerate(files, 1):
            _upload_file(client, file, root, result)
            progress(number, len(files))
    return result


def _upload_file(client: ServiceClient, file: Path, root: Path, result: IndexResult) -> None:
    known = format_of_file(file)
    if known is None:
        result.failed.append(ReadFailure(str(file), f"Dalil does not read {file.suffix or 'files without a suffix'}."))
        return
    try:
        content = file.read_bytes()
    except OSError as error:
        result.failed.append(ReadFailure(str(file), f"It cannot be read: {error.strerror}."))
        return
    names = {"name": shorten_id(file_id(file, root)), "source": file_source(file)}
    body = client.upload("/v1/articles", content, known.media_types[0], **names)
    if "error" in body or body.get("status") == "failed":
        result.failed.append(ReadFailure(str(file), message_of(body)))
        return
    result.added.extend(body["added"])
    result.changed.extend(body["changed"])
    result.unchanged.extend(body["unchanged"])
    result.failed.extend(ReadFailure(f"{file}: {place}", reason) for place, reason in body["failed"].items())
    result.warnings.extend(ReadWarning(f"{file}: {place}", reason) for place, reason in body["warnings"].items())
