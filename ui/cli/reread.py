"""`dalil reread`: articles read again from their kept originals."""

import argparse
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from rag.errors import InputError, NotFoundError
from rag.settings import Settings
from ui.cli.console import ProgressBar, add_command, print_index_result

if TYPE_CHECKING:
    from ingest.known_files import FoundItem
    from ingest.originals import Originals
    from rag.store import Store


def add_reread_command(commands: Any) -> argparse.ArgumentParser:
    """Add the command to those of `dalil`; gives its parser."""
    about = "Read articles again from their kept originals: by newer readers, with OCR, with another password."
    reread = add_command(commands, "reread", _reread, about)
    reread.add_argument("ids", nargs="*", metavar="ID", help="of an article")
    reread.add_argument("--all", action="store_true", help="all articles whose originals are kept")
    reread.add_argument("--ocr", action="store_true", help="read scans and pictures by OCR; needs Tesseract")
    reread.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    return reread


def _reread(options: argparse.Namespace, settings: Settings) -> int:
    from ingest.indexer import Indexer
    from ingest.originals import Originals
    from rag.embedding import embedding_spec, open_encoder
    from rag.store import IndexConfig, open_store

    if bool(options.ids) == options.all:
        raise InputError("Name the articles to be read again, or say --all.")
    store = open_store(settings, IndexConfig.of(embedding_spec(settings), settings.chunk_tokens))
    try:
        originals = Originals.from_settings(settings)
        indexer = Indexer(store, lambda: open_encoder(settings), settings.chunk_tokens, originals)
        ids = _list_kept(store, originals) if options.all else _check_ids(store, options.ids)
        with ProgressBar("articles") as progress:
            found = _read_originals(store, originals, ids, settings, options.ocr)
            result = indexer.plan(found) if options.dry_run else indexer.index(found, progress, len(ids))
    finally:
        store.close()
    return print_index_result(options, result, "read again", "would be: " if options.dry_run else "")


def _list_kept(store: "Store", originals: "Originals") -> list[str]:
    return [one.id for one in store.summarize_articles().values() if originals.find(one.original)]


def _check_ids(store: "Store", ids: Sequence[str]) -> list[str]:
    known = store.summarize_articles().keys()
    missing = [one for one in ids if one not in known]
    if missing:
        raise NotFoundError(f"There is no article {missing[0]!r}.")
    return list(dict.fromkeys(ids))


def _read_originals(
    store: "Store", originals: "Originals", ids: Sequence[str], settings: Settings, ocr: bool
) -> Iterator["FoundItem"]:
    from ingest.rereading import read_original

    return chain.from_iterable(read_original(store, originals, one, settings, ocr) for one in ids)
