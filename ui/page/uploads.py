"""The folder in which a server keeps files that readers drop, until they are taken in or discarded."""

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX, _STAGED_PREFIX = "dalil-uploads-", "dalil-staged-"
_LOCK, _FILES = "server.lock", "files"


class UploadFolder:
    """A folder of one server below that for temporary files, removed with the process.

    Its lock is held as long as the process lives, however it ends, so that the next server can tell what a killed one
    has left.

    Parameters
    ----------
    parent : Path, optional
        Where to make it; unset: the system's folder for temporary files.

    Attributes
    ----------
    files : Path
        Where files are sent to. The lock is outside, since a browser may name any path in here.
    """

    def __init__(self, parent: Path | None = None) -> None:
        staged = Path(tempfile.mkdtemp(prefix=_STAGED_PREFIX, dir=parent))
        lock = FileLock(staged / _LOCK, thread_local=False)
        lock.acquire(timeout=0)
        # Found by others under its own name alone, and then locked already.
        home = staged.rename(staged.with_name(_PREFIX + staged.name.removeprefix(_STAGED_PREFIX)))
        self.files = home / _FILES
        self.files.mkdir()
        self.close = weakref.finalize(self, _remove, home, lock)
        """Remove it, if it is still there."""


def remove_abandoned_uploads(parent: Path | None = None) -> None:
    """Remove the folders of servers that were killed; those of live ones are locked, and stay."""
    for home in (parent or Path(tempfile.gettempdir())).glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout):
            if _is_ours(home) and (home / _LOCK).is_file():
                lock = FileLock(home / _LOCK, thread_local=False)
                lock.acquire(timeout=0)
                _remove(home, lock)


def _is_ours(home: Path) -> bool:
    """Whether a folder is one, and of this user: anybody may make one there."""
    found = home.lstat()
    return home.is_dir() and not home.is_symlink() and found.st_uid == os.getuid()


def _remove(home: Path, lock: FileLock) -> None:
    shutil.rmtree(home, ignore_errors=True)
    lock.release()
