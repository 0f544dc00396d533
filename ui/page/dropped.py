"""Files that were dropped on the page: as the browser tells of them, and once they are accepted."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class DroppedFile(NamedTuple):
    """What a browser tells of a file that was dropped: `path` is where it was sent to, empty when it was not."""

    name: str
    size: int
    path: str


class Upload(NamedTuple):
    """A file that was dropped and has been accepted; `ocr`: scans in it are to be read."""

    name: str
    file: Path
    ocr: bool = False

    def discard(self) -> None:
        """Remove its content."""
        self.file.unlink(missing_ok=True)


class Problem(NamedTuple):
    """A file that cannot be accepted, and why."""

    name: str
    reason: str


def discard_uploads(uploads: Sequence[Upload]) -> None:
    """Remove the content of each."""
    for upload in uploads:
        upload.discard()
