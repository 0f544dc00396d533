"""`dalil reindex`: an index on a server built again with other settings, while questions go on."""

import argparse
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rag.settings import Settings
from ui.cli.console import OK, ProgressBar, add_command, print_result

if TYPE_CHECKING:
    from ingest.indexer import ArticleWriter
    from ingest.reindex import ReindexResult
    from rag.store.server_versions import Version


def add_reindex_command(commands: Any) -> argparse.ArgumentParser:
    """Add the command to those of `dalil`; gives its parser."""
    reindex = add_command(
        commands,
        "reindex",
        _reindex,
        "Build the index on a server again with the settings that are set, beside the one that answers.",
    )
    reindex.add_argument("--force", action="store_true", help="also when it is made with these settings")
    reindex.add_argument(
        "--drop", action="store_true", help="build nothing: remove former versions, and one that is not finished"
    )
    reindex.add_argument("--workers", choices=["ray"], help="embed and write on the workers of a Ray cluster")
    return reindex


def _reindex(options: argparse.Namespace, settings: Settings) -> int:
    from ingest.reindex import Reindex
    from rag.embedding import open_encoder

    def open_writer(version: "Version") -> "AbstractContextManager[ArticleWriter | None]":
        if not options.workers:
            return nullcontext()
        from ingest.ray_workers import RayWorkers

        return RayWorkers(settings, version)

    reindex = Reindex(settings)
    try:
        if options.drop:
            dropped = reindex.drop_others()
            print_result(options, {"dropped": dropped}, f"removed: {', '.join(dropped) or 'nothing'}")
            return OK
        with ProgressBar("articles") as progress:
            result = reindex.run(lambda: open_encoder(settings), progress, options.force, open_writer)
    finally:
        reindex.close()
    print_result(options, asdict(result), _format_result(result))
    return OK


def _format_result(result: "ReindexResult") -> str:
    lines = [f"version {result.version} answers, {result.articles} articles were written to it"]
    if result.dropped:
        lines.append(f"removed: {', '.join(result.dropped)}")
    if result.kept:
        lines.append(
            f"still there: {', '.join(result.kept)}. Start services with the settings that are set now, then run "
            "`dalil reindex --drop`."
        )
    return "\n".join(lines)
