"""`dalil snapshot` and `dalil restore`: an index on a Qdrant server with its vectors, to a folder and back."""

import argparse
from pathlib import Path
from typing import Any

from rag.settings import Settings
from ui.cli.console import OK, add_command, print_result


def add_snapshot_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add both commands to those of `dalil`; gives their parsers."""
    save = add_command(
        commands, "snapshot", _save, "Save the index on a Qdrant server, with its vectors, into a folder."
    )
    save.add_argument("folder", metavar="FOLDER", type=Path, help="a new one")
    restore = add_command(commands, "restore", _restore, "Restore what `dalil snapshot` saved into an empty index.")
    restore.add_argument("folder", metavar="FOLDER", type=Path, help="what `dalil snapshot` wrote")
    return [save, restore]


def _save(options: argparse.Namespace, settings: Settings) -> int:
    from rag.embedding import embedding_spec
    from rag.store import IndexConfig
    from rag.store.snapshots import save_snapshots

    config = IndexConfig.of(embedding_spec(settings), settings.chunk_tokens)
    manifest = save_snapshots(settings, config, options.folder)
    size = sum(one.bytes for files in manifest.shards.values() for one in files)
    text = f"{manifest.articles} articles, {manifest.chunks} chunks, {size / 1e6:.1f} MB in {options.folder}"
    print_result(options, manifest.model_dump(), text)
    return OK


def _restore(options: argparse.Namespace, settings: Settings) -> int:
    from rag.embedding import embedding_spec
    from rag.store import IndexConfig
    from rag.store.snapshots import restore_snapshots

    config = IndexConfig.of(embedding_spec(settings), settings.chunk_tokens)
    manifest = restore_snapshots(settings, config, options.folder)
    print_result(options, manifest.model_dump(), f"{manifest.articles} articles, {manifest.chunks} chunks restored")
    return OK
