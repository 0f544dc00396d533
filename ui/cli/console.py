"""What the commands share: exit codes, how results are printed, the progress bar."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rag.errors import InputError
from rag.settings import Settings

if TYPE_CHECKING:
    from ingest.indexer import IndexResult

OK, FAILED, WRONG_USE = 0, 1, 2
_YES = ("y", "yes", "ن", "نعم")
_MAX_PATHS = 5
_DETAILS = ("failed", "warnings", "skipped")
_COUNTS = ("added", "changed", "unchanged", "removed")

Command = Callable[[argparse.Namespace, Settings], int]
"""Runs with the parsed options, and gives the exit code."""


def add_command(commands: Any, name: str, command: Command, about: str) -> argparse.ArgumentParser:
    """Add a parser for a command to those of `dalil`."""
    added: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    added.set_defaults(command=command)
    return added


def print_result(options: argparse.Namespace, data: dict[str, Any], text: str) -> None:
    """Print a result on standard output, for programs or for people as the options say."""
    # JSON has escapes of its own, which its readers understand.
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    print(json.dumps(data, ensure_ascii=not is_unicode) if options.json else text)


def print_index_result(options: argparse.Namespace, result: "IndexResult", verb: str, prefix: str = "") -> int:
    """Print what became of articles, and on standard error why some failed and how others were mended; gives the exit
    code."""
    for failure in result.failed:
        print(f"dalil: not {verb}: {failure.path}: {failure.reason}", file=sys.stderr)
    counts = {name: len(getattr(result, name)) for name in _COUNTS}
    for warning in result.warnings:
        print(f"dalil: warning: {warning.path}: {warning.reason}", file=sys.stderr)
    _print_skipped(result)
    value = counts | {name: [asdict(item) for item in getattr(result, name)] for name in _DETAILS}
    counts["failed"] = len(result.failed)
    words = ", ".join(f"{count} {name}" for name, count in counts.items())
    if result.skipped:
        words += f", {len(result.skipped)} skipped"
    if result.warnings:
        words += f", {len(result.warnings)} warning{'s' * (len(result.warnings) > 1)}"
    print_result(options, value, prefix + words)
    return FAILED if result.failed else OK


def _print_skipped(result: "IndexResult") -> None:
    """Say what was not read, the reasons each with some of the paths: a folder may hold a thousand pictures."""
    paths: dict[str, list[str]] = {}
    for skip in result.skipped:
        paths.setdefault(skip.reason, []).append(skip.path)
    for reason, of_reason in paths.items():
        print(f"dalil: skipped: {_name_some(of_reason)}: {reason}", file=sys.stderr)


def describe_health(counts: Mapping[str, int], ids: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What the texts of the articles are, for people: how many of each state, and some of those that are not good."""
    words = ", ".join(f"{count} {state}" for state, count in counts.items())
    named = {f"text {state}": _name_some(of_state) for state, of_state in ids.items()}
    return {"text": words, **named} if words else {}


def _name_some(names: Sequence[str]) -> str:
    more = len(names) - _MAX_PATHS
    return ", ".join(names[:_MAX_PATHS]) + (f" and {more} more" if more > 0 else "")


def confirm_removal(article_ids: Sequence[str], total: int) -> None:
    """Ask a person whether so many articles are to be removed.

    Raises
    ------
    InputError
        When they say no, or nobody can be asked.
    """
    named = _name_some(article_ids)
    what = f"{len(article_ids)} of {total} articles would be removed, since their files are gone: {named}."
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(f"{what} None of them was removed. If they are to go, say --yes.")
    print(f"{what} Remove them? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in _YES:
        raise InputError("None of them was removed.")


class ProgressBar:
    """A bar on standard error, shown once there is something to do.

    Parameters
    ----------
    unit : str
        What is counted.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._bar: Any = None

    def __enter__(self) -> Callable[[int, int], None]:
        return self._update

    def _update(self, done: int, total: int) -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(total=total, unit=f" {self._unit}", file=sys.stderr)
        self._bar.update(done - self._bar.n)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
