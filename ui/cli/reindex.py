"""`dalil reindex`: an index built again with other settings, while questions go on."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rag.errors import InputError
from rag.settings import Settings
from ui.cli.console import OK, ProgressBar, add_command, print_result

if TYPE_CHECKING:
    from ingest.folder_reindex import FolderReindex
    from ingest.indexer import ArticleWriter
    from ingest.reindex import Reindex, ReindexResult
    from rag.store.server_versions import Version
    from rag.types import Article


def add_reindex_command(commands: Any) -> argparse.ArgumentParser:
    """Add the command to those of `dalil`; gives its parser."""
    reindex = add_command(
        commands,
        "reindex",
        _reindex,
        "Build the index again with the settings that are set, beside the one that answers, and put it in its place.",
    )
    reindex.add_argument("--force", action="store_true", help="also when it is made with these settings")
    reindex.add_argument(
        "--drop", action="store_true", help="build nothing: remove former versions, and one that is not finished"
    )
    reindex.add_argument("--workers", choices=["ray"], help="embed and write on the workers of a Ray cluster")
    reindex.add_argument(
        "--server",
        metavar="URL",
        help="of a folder: build it beside a running `dalil serve`, and leave it to be put there",
    )
    return reindex


def _reindex(options: argparse.Namespace, settings: Settings) -> int:
    from rag.embedding import open_encoder

    def open_writer(version: "Version | None") -> "AbstractContextManager[ArticleWriter | None]":
        if not options.workers:
            return nullcontext()
        from ingest.ray_workers import RayWorkers

        return RayWorkers(settings, version)

    if options.server and not options.drop:
        return _prepare(options, settings)
    with closing(_open(settings)) as reindex:
        if options.drop:
            dropped = reindex.drop_others()
            print_result(options, {"dropped": dropped}, f"removed: {', '.join(dropped) or 'nothing'}")
            return OK
        with ProgressBar("articles") as progress:
            result = reindex.run(lambda: open_encoder(settings), progress, options.force, open_writer)
    print_result(options, asdict(result), _format_result(result))
    return OK


def _open(settings: Settings) -> "Reindex | FolderReindex":
    if settings.qdrant_url:
        from ingest.reindex import Reindex

        return Reindex(settings)
    from ingest.folder_reindex import FolderReindex

    return FolderReindex(settings)


def _prepare(options: argparse.Namespace, settings: Settings) -> int:
    """Build the index of a folder that a service holds, from what the service gives out."""
    from ingest.folder_reindex import FolderReindex
    from rag.embedding import open_encoder

    if settings.qdrant_url or options.workers:
        raise InputError("On a Qdrant server questions go on in any case: `dalil reindex` without --server.")
    of_index = settings.in_collection(options.collection) if options.collection else settings
    with _read_exported(options, settings) as (articles, total), ProgressBar("articles") as progress:
        built = FolderReindex(of_index).prepare(articles, lambda: open_encoder(settings), progress, total)
    text = (
        f"{built} articles are built. Now end the service, run `dalil reindex` with these settings, which writes what "
        "has changed since and puts the index in place, and start the service with them."
    )
    print_result(options, {"articles": built}, text)
    return OK


@contextmanager
def _read_exported(options: argparse.Namespace, settings: Settings) -> "Iterator[tuple[Iterator[Article], int]]":
    """The articles of the service, and their number, once all of them are here: embedding takes far longer than the
    service should be held."""
    from ingest.archive import format_archive, parse_archive
    from ui.cli.archive import read_exported

    with tempfile.TemporaryFile() as file:
        with read_exported(options, settings, "Nothing was built.") as articles:
            file.writelines(line.encode() for line in format_archive(articles))
        file.seek(0)
        lines = sum(1 for _ in file)
        file.seek(0)
        yield parse_archive(file, sys.maxsize), lines - 2  # the header and the end are no articles


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
