"""A watch of folders as it is run and as it speaks, by itself and beside the service."""

import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import DalilError, InputError
from rag.settings import Settings

if TYPE_CHECKING:
    from ingest.indexer import IndexResult
    from ingest.watching import FolderWatcher


def open_watcher(
    folders: Sequence[Path],
    settings: Settings,
    run_pass: Callable[[], "IndexResult"],
    tell: Callable[["IndexResult"], None],
) -> "FolderWatcher":
    """A watcher that complains on standard error.

    Parameters
    ----------
    folders : sequence of Path
        What is watched.
    settings : Settings
        Of the index, whose own folder is left out.
    run_pass, tell : callable
        As those of `FolderWatcher`.

    Raises
    ------
    InputError
        When a folder is none, or what tells of changes is not installed.
    """
    check_watchable(folders)
    from ingest.watching import FolderWatcher

    return FolderWatcher(folders, [settings.data_dir], run_pass, tell, _complain)


def check_watchable(folders: Sequence[Path]) -> None:
    """Raise InputError when a folder is none, or what tells of changes is not installed."""
    if find_spec("watchfiles") is None:
        raise InputError("What tells of changes is not installed: pip install 'dalil[watch]'.")
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder.")


def refuse_removal(article_ids: Sequence[str], total: int) -> None:
    """Remove nothing where more than a fifth of all articles would go: nobody is there to be asked; raises
    InputError."""
    raise InputError(
        f"{len(article_ids)} of {total} articles would be removed, since their files are gone. None of them was. If "
        "they are to go, run `dalil ingest FOLDER --sync --yes` or `dalil watch FOLDER --yes`."
    )


def describe_pass(result: "IndexResult") -> str:
    """One line of what became of the articles."""
    names = ("added", "changed", "removed", "unchanged", "failed")
    return ", ".join(f"{len(getattr(result, name))} {name}" for name in names)


def _complain(error: DalilError) -> None:
    print(f"dalil: {error}", file=sys.stderr, flush=True)
