"""`dalil watch`: keeps the index in step with folders."""

import argparse
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.settings import Settings
from ui.cli.console import OK, add_command, print_index_result
from ui.cli.sync import sync_files
from ui.watching import open_watcher, refuse_removal

if TYPE_CHECKING:
    from ingest.indexer import IndexResult


def add_watch_command(commands: Any) -> argparse.ArgumentParser:
    """Add the command to those of `dalil`."""
    about = "Keep the index in step with folders, as `dalil ingest --sync` would after each change."
    command = add_command(commands, "watch", _watch, about)
    command.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="with all that lies below")
    command.add_argument("--yes", action="store_true", help="remove more than a fifth of all articles too")
    command.add_argument("--ocr", action="store_true", help="read scans and pictures by OCR; needs Tesseract")
    command.set_defaults(sync=True, dry_run=False, workers=None)
    return command


def _watch(options: argparse.Namespace, settings: Settings) -> int:
    confirm = (lambda article_ids, total: None) if options.yes else refuse_removal

    def run_pass() -> "IndexResult":
        # The index is open for the pass alone, so that others can use it between two.
        return sync_files(options, settings, options.folders, [], confirm)

    def tell(result: "IndexResult") -> None:
        print_index_result(options, result, "ingested", "" if options.json else time.strftime("%H:%M:%S "))
        sys.stdout.flush()

    watcher = open_watcher(options.folders, settings, run_pass, tell)
    for number in (signal.SIGINT, signal.SIGTERM):  # the first is ignored where a script began this in the background
        signal.signal(number, signal.default_int_handler)
    try:
        watcher.run(threading.Event())
    except KeyboardInterrupt:
        print("Dalil watches no longer.", file=sys.stderr)
    return OK
