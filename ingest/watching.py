"""Keeps an index in step with folders: a pass when something in them has changed and is quiet again, and now and
then."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from watchfiles import DefaultFilter, watch

from ingest.indexer import IndexResult
from rag.errors import DalilError, InputError

_QUIET_MS = 1000
"""Without a change before a pass begins: a file that is being copied is not read by halves."""
_LONGEST_WAIT_MS = 60_000
"""For that quiet, where changes never end."""
_TICK_MS = 30_000
"""After which a pass that failed is tried again."""
_TICKS_BETWEEN_PASSES = 20
"""Ten minutes: what the system did not tell of, as it may where very much changes at once, is found then."""


class FolderWatcher:
    """Runs a pass at the start, and whenever there is something to do. A pass that fails is tried again.

    Parameters
    ----------
    folders : sequence of Path
        What is watched, with all that lies below.
    excluded : sequence of Path
        Folders whose changes mean nothing: that of the index.
    run_pass : callable
        Makes the index say what the folders say.
    tell : callable
        Given the result of each pass that changed something or failed otherwise than the last one, and of the first.
    complain : callable
        Given the error of a pass, where it is another one than before.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        excluded: Sequence[Path],
        run_pass: Callable[[], IndexResult],
        tell: Callable[[IndexResult], None],
        complain: Callable[[DalilError], None],
    ) -> None:
        self._folders, self._excluded = folders, [str(folder.resolve()) for folder in excluded]
        self._run_pass, self._tell, self._complain = run_pass, tell, complain
        self._last: object = None
        self._has_failed = False

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set; raises KeyboardInterrupt at Ctrl-C."""
        self._pass()
        ticks = _TICKS_BETWEEN_PASSES  # what changed before the watch began is found at its first tick
        changes = watch(
            *self._folders,
            watch_filter=DefaultFilter(ignore_paths=self._excluded),
            debounce=_LONGEST_WAIT_MS,
            step=_QUIET_MS,
            rust_timeout=_TICK_MS,
            yield_on_timeout=True,
            stop_event=stop,
        )
        for changed in changes:
            ticks += 1
            if changed or self._has_failed or ticks >= _TICKS_BETWEEN_PASSES:
                self._pass()
                ticks = 0

    def _pass(self) -> None:
        try:
            result = self._run_pass()
        except DalilError as error:
            self._has_failed = not isinstance(error, InputError)  # which time does not heal
            if str(error) != self._last:
                self._complain(error)
            self._last = str(error)
            return
        self._has_failed = False
        if result.to_write or result.removed or result.failed != self._last:
            self._tell(result)
        self._last = result.failed
