"""The index, made to say what files and documents say."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rag.settings import Settings
from ui.cli.progress_line import ProgressLine

if TYPE_CHECKING:
    from ingest.fetched import FetchedDocument
    from ingest.indexer import IndexResult
    from ingest.ray_workers import RayWorkers
    from ingest.readers import ReadFailure


def sync_files(
    options: argparse.Namespace,
    settings: Settings,
    paths: list[Path],
    documents: list["FetchedDocument | ReadFailure"],
    confirm: Callable[[Sequence[str], int], None],
    objects: Sequence[str] = (),
) -> "IndexResult":
    """Open the index, and put files, documents and objects into it or, with `options.dry_run`, say what that would do.

    Parameters
    ----------
    options : Namespace
        `ocr`, `sync` (articles whose files are gone are removed), `workers` and `dry_run`.
    settings : Settings
        Of the index.
    paths : list of Path
        Files and folders.
    documents : list of FetchedDocument or ReadFailure
        What was fetched from the web.
    confirm : callable
        As that of `Sync.ingest`.
    objects : sequence of str
        Addresses of object stores.
    """
    from ingest.indexer import Indexer
    from ingest.known_files import KnownFiles
    from ingest.object_stores import list_objects
    from ingest.ocr.options import OcrOptions
    from ingest.originals import Originals
    from ingest.sync import Sync
    from rag.embedding import embedding_spec, open_encoder
    from rag.store import IndexConfig, open_store

    # No model need be loaded for this.
    store = open_store(settings, IndexConfig.of(embedding_spec(settings), settings.chunk_tokens))
    try:
        with ExitStack() as stack:
            workers = stack.enter_context(_start_workers(settings)) if options.workers else None
            originals = Originals.from_settings(settings)
            indexer = Indexer(store, lambda: open_encoder(settings), settings.chunk_tokens, originals, workers)
            ocr = OcrOptions.of(settings.ocr, settings.tesseract, options.ocr)
            known = KnownFiles(store, settings.max_article_chars, ocr, indexer.has_original) if objects else None
            stored = list_objects(objects, known.list_pages(), settings.max_article_chars, ocr) if known else []
            sync = Sync(store, indexer, settings.max_article_chars, [settings.data_dir], workers, ocr)
            report = stack.enter_context(ProgressLine())
            if options.dry_run:
                return sync.plan(paths, options.sync, [*documents, *stored], report)
            return sync.ingest(paths, report, [*documents, *stored], options.sync, confirm)
    finally:
        store.close()


def _start_workers(settings: Settings) -> "RayWorkers":
    from ingest.ray_workers import RayWorkers

    return RayWorkers(settings)
