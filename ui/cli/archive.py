"""`dalil export` and `dalil import`: all articles in one file, from the index or from a running service."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rag.errors import ReadError, StoreError
from rag.settings import Settings
from ui.cli.console import FAILED, OK, ProgressBar, add_command, print_index_result, print_result

if TYPE_CHECKING:
    from ingest.archive import Archive
    from ingest.indexer import IndexResult
    from rag.store import Store
    from rag.types import Article
    from ui.cli.client import ServiceClient

_BATCH_BYTES = 150_000
"""Of texts that are sent at once: what a service takes in while its caller waits (`ui/api/uploads.py`), and far below
the largest body."""
_MEDIA_TYPE = "application/jsonl"
_OF_ONE_ARTICLE = ("body_too_large", "unreadable_article")
"""Errors that sending other articles does not meet."""


def add_archive_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add both commands to those of `dalil`; gives their parsers."""
    export = add_command(commands, "export", _export, "Write all articles to one file that any Dalil can import.")
    export.add_argument("file", metavar="FILE", help="where to, compressed with gzip; - for standard output")
    restore = add_command(commands, "import", _import, "Put exported articles into the index, as they were.")
    restore.add_argument("file", metavar="FILE", help="what `dalil export` wrote; - for standard input")
    for parser in (export, restore):
        parser.add_argument("--server", metavar="URL", help="do so with the index of a running `dalil serve`")
    return [export, restore]


def _export(options: argparse.Namespace, settings: Settings) -> int:
    export = _export_from_service if options.server else _export_from_index
    return export(options, settings)


def _export_from_index(options: argparse.Namespace, settings: Settings) -> int:
    store = _open_store(settings, reads_only=True)
    try:
        damage = store.find_damage()
        _write(options, store.read_articles())
    finally:
        store.close()
    if damage is not None and damage.is_loss:
        print(f"dalil: {damage.message} What is left of it was exported.", file=sys.stderr)
        return FAILED
    return OK


def _export_from_service(options: argparse.Namespace, settings: Settings) -> int:
    with read_exported(options, settings, "Nothing was written.") as articles:
        _write(options, articles)
    return OK


@contextmanager
def read_exported(options: argparse.Namespace, settings: Settings, outcome: str) -> "Iterator[Iterator[Article]]":
    """The articles of a running service, as they come.

    Parameters
    ----------
    options : argparse.Namespace
        With the address of the service.
    settings : Settings
        With the key that it asks for.
    outcome : str
        What errors say has become of those that came.

    Raises
    ------
    StoreError
        When the service cannot be reached, lets nobody in, or stops in the middle.
    """
    from ingest.archive import parse_archive

    with _open_client(options, settings) as client:
        try:
            yield parse_archive(client.read_lines("/v1/export", outcome), sys.maxsize)
        except ReadError as error:
            raise StoreError(f"What the service at {options.server} sent {error} {outcome}") from None


def _write(options: argparse.Namespace, articles: "Iterable[Article]") -> None:
    from ingest.archive import STANDARD_STREAM, write_archive

    number = write_archive(articles, options.file)
    if options.file != STANDARD_STREAM:
        print_result(options, {"articles": number, "file": options.file}, f"{number} articles in {options.file}")


def _import(options: argparse.Namespace, settings: Settings) -> int:
    from ingest.archive import open_archive

    put = _send_articles if options.server else _index_articles
    with open_archive(options.file, settings.max_article_chars) as archive:
        try:
            result = put(options, settings, archive)
        except ReadError as error:
            raise ReadError(f"{error} Nothing was imported.") from None
    return print_index_result(options, result, "imported")


def _index_articles(options: argparse.Namespace, settings: Settings, archive: "Archive") -> "IndexResult":
    from ingest.indexer import Indexer
    from ingest.originals import Originals
    from rag.embedding import open_encoder

    store = _open_store(settings)
    try:
        originals = Originals.from_settings(settings)
        indexer = Indexer(store, lambda: open_encoder(settings), settings.chunk_tokens, originals)
        plan = indexer.plan(archive)  # reads all of it, so that nothing is written of one that is not whole
        store.delete_orphans()
        with ProgressBar("articles") as progress:
            return indexer.index(archive, progress, plan.to_write)
    finally:
        store.close()


def _send_articles(options: argparse.Namespace, settings: Settings, archive: "Archive") -> "IndexResult":
    from ingest.indexer import IndexResult

    result, total, sent = IndexResult(), archive.count(), 0
    with _open_client(options, settings) as client, ProgressBar("articles") as progress:
        progress(sent, total)
        for number in send_articles(client, archive, result):
            sent += number
            progress(sent, total)
    return result


def send_articles(client: "ServiceClient", articles: "Iterable[Article]", result: "IndexResult") -> "Iterator[int]":
    """Send articles to a service as they are, a few together.

    Parameters
    ----------
    client : ServiceClient
        Sends them.
    articles : iterable of Article
        Read as they are sent.
    result : IndexResult
        Is told what becomes of each.

    Yields
    ------
    int
        How many went together.

    Raises
    ------
    StoreError
        When the service cannot be reached, or its index cannot be used.
    """
    for batch in _batches(articles):
        _send_batch(client, batch, result)
        yield len(batch)


def _send_batch(client: "ServiceClient", batch: "list[Article]", result: "IndexResult") -> None:
    from ingest.archive import format_archive
    from ingest.readers import ReadFailure
    from ui.cli.client import message_of

    body = client.upload("/v1/import", "".join(format_archive(batch)).encode(), _MEDIA_TYPE)
    if "error" in body and body["error"]["code"] in _OF_ONE_ARTICLE:
        result.failed.extend(ReadFailure(article.id, message_of(body)) for article in batch)
        return
    if "error" in body or body.get("status") == "failed":
        raise StoreError(f"{message_of(body)} What was sent before is kept: run it again to go on.")
    result.added.extend(body["added"])
    result.changed.extend(body["changed"])
    result.unchanged.extend(body["unchanged"])
    result.failed.extend(ReadFailure(place, reason) for place, reason in body["failed"].items())


def _batches(articles: "Iterable[Article]") -> "Iterator[list[Article]]":
    """Articles that are sent together."""
    batch: list[Article] = []
    size = 0
    for article in articles:
        length = len(article.text.encode())
        if batch and size + length > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(article)
        size += length
    if batch:
        yield batch


def _open_store(settings: Settings, reads_only: bool = False) -> "Store":
    """The index; to read its articles, also one that is damaged or was made by another version or other settings."""
    from rag.embedding import embedding_spec
    from rag.store import IndexConfig, open_store

    config = IndexConfig.of(embedding_spec(settings), settings.chunk_tokens)
    return open_store(settings, config, accepts_damage=reads_only, accepts_other_config=reads_only)


def _open_client(options: argparse.Namespace, settings: Settings) -> "ServiceClient":
    from ui.cli.client import ServiceClient

    return ServiceClient(options.server, next(iter(settings.accepted_keys), None))
