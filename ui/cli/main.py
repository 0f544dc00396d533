"""`dalil` and its commands. Results on standard output, all else on standard error."""

import argparse
import glob
import io
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from eval.commands import add_commands
from rag.addresses import is_object_address, web_address
from rag.answering.references import format_title
from rag.errors import DalilError, InputError, SettingsError
from rag.iso_dates import check_iso_date, is_in_order
from rag.language.languages import as_language
from rag.secrets import hide_secrets_in_logs
from rag.settings import Settings, load_settings
from rag.types import Answer, AnswerRequest, Filters, RequestedLanguage, SearchMode
from ui.cli.archive import add_archive_commands
from ui.cli.console import (
    FAILED,
    OK,
    WRONG_USE,
    ProgressBar,
    add_command,
    confirm_removal,
    describe_health,
    print_index_result,
    print_result,
)
from ui.cli.keys import add_key_command
from ui.cli.mcp import add_mcp_command
from ui.cli.model import add_model_commands
from ui.cli.reindex import add_reindex_command
from ui.cli.reread import add_reread_command
from ui.cli.snapshots import add_snapshot_commands
from ui.cli.sync import sync_files
from ui.cli.watch import add_watch_command

if TYPE_CHECKING:
    from ingest.fetched import FetchedDocument, Validators
    from ingest.indexer import IndexResult
    from ingest.readers import ReadFailure

_MAX_TOP_K = 50
_MAX_PAGES, _MOST_PAGES = 500, 100_000
_PREVIEW_CHARS = 160


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Unset: those of this process.

    Returns
    -------
    int
        Exit code: 0 fine, 1 failed, 2 wrong use.
    """
    _escape_what_cannot_be_written()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    options = build_parser().parse_args(arguments)
    try:
        settings = load_settings()
        hide_secrets_in_logs(settings.secrets)
        return int(options.command(options, _choose_collection(options, settings)))
    except (InputError, SettingsError) as error:
        return _complain(error, WRONG_USE)
    except DalilError as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        print("Stopped. What was finished is kept.", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read us has seen enough
        return OK


def _choose_collection(options: argparse.Namespace, settings: Settings) -> Settings:
    """The settings of the collection that a command is about; of a service's the options name the address."""
    name = getattr(options, "collection", None)
    if name is None:
        return settings
    if getattr(options, "server", None):
        options.server = f"{options.server.rstrip('/')}/v1/collections/{name}"
        return settings
    return settings.in_collection(name)


def run() -> None:
    """The installed command."""
    sys.exit(main())


def _escape_what_cannot_be_written() -> None:
    """Have what the encoding of an output lacks written as its number, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _complain(error: DalilError, code: int) -> int:
    print(f"dalil: {error}", file=sys.stderr)
    return code


def _ingest(options: argparse.Namespace, settings: Settings) -> int:
    addresses = [path for path in options.paths if web_address(path)]
    objects = [path for path in options.paths if is_object_address(path)]
    paths = [one for path in options.paths if path not in (*addresses, *objects) for one in _expand(path)]
    if (addresses or objects) and options.sync:
        raise InputError("--sync takes files and folders alone, no addresses.")
    if options.server and (objects or options.workers):
        raise InputError("--server takes files, folders and addresses of the web alone, and has workers of its own.")
    with tempfile.TemporaryDirectory(prefix="dalil-web-") as folder:
        known = {} if options.server or not addresses else _list_known_pages(settings)
        documents = _fetch_documents(addresses, settings, Path(folder), options.max_pages, known) if addresses else []
        if options.server:
            result = _upload_files(options, settings, paths, documents)
        else:
            confirm = _remove_unasked if options.yes else confirm_removal
            result = sync_files(options, settings, paths, documents, confirm, objects)
    return print_index_result(options, result, "ingested", "would be: " if options.dry_run else "")


def _expand(path: str) -> list[Path]:
    """The paths that a pattern stands for, which a shell has left as it is; else the path."""
    found = [] if Path(path).exists() else sorted(glob.glob(path, recursive=True))
    return [Path(one) for one in found] or [Path(path)]


def _remove_unasked(article_ids: Sequence[str], total: int) -> None:
    pass


def _list_known_pages(settings: Settings) -> "dict[str, Validators]":
    """Of the pages that the index has; it is closed again, since fetching others may take long."""
    from ingest.known_files import KnownFiles
    from rag.embedding import embedding_spec
    from rag.store import IndexConfig, open_store

    store = open_store(settings, IndexConfig.of(embedding_spec(settings), settings.chunk_tokens))
    try:
        return KnownFiles(store, settings.max_article_chars).list_pages()
    finally:
        store.close()


def _fetch_documents(
    addresses: list[str], settings: Settings, folder: Path, max_pages: int, known: "dict[str, Validators]"
) -> list["FetchedDocument | ReadFailure"]:
    from ingest.web import Limits, collect_documents

    with ProgressBar("addresses") as progress:
        return collect_documents(addresses, settings.web_hosts_let_through, folder, progress, Limits(max_pages), known)


def _upload_files(
    options: argparse.Namespace,
    settings: Settings,
    paths: list[Path],
    documents: list["FetchedDocument | ReadFailure"],
) -> "IndexResult":
    from ingest.ocr.options import OcrOptions
    from ingest.readers import Listing, list_files
    from ui.cli.upload import upload_files

    if options.sync or options.dry_run:
        raise InputError("--server takes files in as they are: --sync and --dry-run need the index itself.")
    # Whether scans can be read is the service's to say, whose settings are its own.
    ocr = OcrOptions(options.ocr)
    listing = list_files(paths, [settings.data_dir], ocr) if paths or not documents else Listing()
    key = next(iter(settings.accepted_keys), None)
    with ProgressBar("files") as progress:
        result = upload_files(options.server, key, listing.files, settings.max_body_bytes, progress, options.ocr)
    _upload_documents(options.server, key, documents, settings.max_article_chars, result)
    return replace(result, failed=[*listing.failed, *result.failed], skipped=listing.skipped)


def _upload_documents(
    url: str, key: str | None, documents: list["FetchedDocument | ReadFailure"], max_chars: int, result: "IndexResult"
) -> None:
    """Read what was fetched, here, since the service fetches nothing, and send the articles."""
    from ingest.fetched import read_document
    from ingest.readers import ReadFailure, ReadWarning
    from ui.cli.archive import send_articles
    from ui.cli.client import ServiceClient

    read = [
        item
        for document in documents
        for item in ([document] if isinstance(document, ReadFailure) else read_document(document, max_chars))
    ]
    result.failed.extend(item for item in read if isinstance(item, ReadFailure))
    result.warnings.extend(item for item in read if isinstance(item, ReadWarning))
    articles = [item for item in read if not isinstance(item, ReadFailure | ReadWarning)]
    with ServiceClient(url, key) as client, ProgressBar("pages") as progress:
        done = 0
        for number in send_articles(client, articles, result):
            done += number
            progress(done, len(articles))


def _ask(options: argparse.Namespace, settings: Settings) -> int:
    from rag.answering.assistant import Assistant

    with Assistant.from_settings(settings) as assistant:
        language = as_language(options.language)
        answer = assistant.ask(AnswerRequest(options.question, language, filters=_read_filters(options)))
    print_result(options, asdict(answer), _format_answer(answer))
    return OK


def _read_filters(options: argparse.Namespace) -> Filters:
    first, last = options.date_from, options.date_to
    if not is_in_order(first, last):
        raise InputError(f"--date-from ({first}) lies after --date-to ({last}).")
    return Filters(topics=tuple(options.topic), date_from=first, date_to=last)


def _format_answer(answer: Answer) -> str:
    notes = [
        f"[{one.number}] {format_title(one.title, one.page, answer.language, one.section, one.ocr)} "
        f"({one.article_id}, {one.start}-{one.end})"
        for one in answer.citations
    ]
    if answer.degraded:
        notes.append("The model did not answer; these are the articles' own sentences.")
    return "\n".join([answer.text, "", *notes]).rstrip()


def _search(options: argparse.Namespace, settings: Settings) -> int:
    from rag.answering.assistant import Assistant
    from rag.retrieval.explain import describe_result

    with Assistant.from_settings(settings) as assistant:
        result = assistant.search(options.query, options.k, _read_filters(options), options.mode)
    titles = (format_title(hit.article.title, hit.page, result.language, hit.section, hit.ocr) for hit in result.hits)
    lines = [
        f"{hit.score:.3f}  {title}  {hit.start}-{hit.end}\n       {' '.join(hit.text.split())[:_PREVIEW_CHARS]}"
        for hit, title in zip(result.hits, titles, strict=True)
    ]
    print_result(options, describe_result(result, options.explain), "\n".join(lines) or "nothing found")
    return OK


def _status(options: argparse.Namespace, settings: Settings) -> int:
    from rag.embedding import embedding_spec
    from rag.store import Counts, IndexConfig, open_store

    config = IndexConfig.of(embedding_spec(settings), settings.chunk_tokens)
    store = open_store(settings, config, accepts_damage=True)
    try:
        damage = store.find_damage()
        status: dict[str, Any] = store.count_exactly()._asdict() | {
            "store": settings.qdrant_url or str(settings.data_dir),
            "embedder": config.embedder,
            "model": settings.llm_name,
            "fingerprint": config.fingerprint,
        }
        health, named = store.count_health()
    finally:
        store.close()
    shown = dict(status)
    status |= {"health": health, "not_ok": named}
    shown |= describe_health(health, named)
    if damage is not None:
        status |= {"expected": damage.expected._asdict(), "damaged": damage.message}
        counts = zip(Counts._fields, damage.present, damage.expected, strict=True)
        shown |= {name: f"{present} of {expected}" for name, present, expected in counts}
        shown["damaged"] = damage.message
    print_result(options, status, "\n".join(f"{name}: {value}" for name, value in shown.items()))
    return FAILED if damage else OK


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from ui.serve import serve

    overrides = {"host": options.host, "port": options.port}
    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    serve(settings, options.watch)
    return OK


def _evaluate(options: argparse.Namespace, settings: Settings) -> int:
    with ProgressBar("articles") as progress:
        try:
            result = options.evaluate(options, settings, progress)
        except ModuleNotFoundError as error:
            raise InputError(
                f"This needs the package {error.name}, which is not installed: `pip install 'dalil[eval]'`. For Linux "
                "on Arm not all of them are to be had: measure on another machine."
            ) from error
    print_result(options, result.data, result.text)
    return FAILED if result.has_failed else OK


# Options


def build_parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = argparse.ArgumentParser(
        "dalil", description="Questions in Arabic or English over Arabic articles, answered with citations."
    )
    parser.add_argument("--version", action="version", version=f"dalil {version('dalil')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    with_collection = [
        _add_ingest(commands),
        add_watch_command(commands),
        _add_ask(commands),
        _add_search(commands),
        add_command(commands, "status", _status, "Say what the index holds and what made it."),
        *add_archive_commands(commands),
        add_reindex_command(commands),
        add_reread_command(commands),
        *add_snapshot_commands(commands),
    ]
    for command in with_collection:
        command.add_argument(
            "--collection", metavar="NAME", help="one of DALIL_COLLECTIONS, in place of the default one"
        )
    with_json = [
        *with_collection,
        add_key_command(commands),
        *add_model_commands(commands),
        *_add_eval(commands),
    ]
    for command in with_json:
        command.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_mcp_command(commands)
    _add_serve(commands)
    return parser


def _add_serve(commands: Any) -> None:
    serve = add_command(commands, "serve", _serve, "Serve the API and the page.")
    serve.add_argument("--host", help="address to listen on, in place of DALIL_HOST")
    serve.add_argument("--port", type=int, help="port to listen on, in place of DALIL_PORT")
    serve.add_argument(
        "--watch",
        action="append",
        type=Path,
        default=[],
        metavar="FOLDER",
        help="keep the index in step with this folder, as `dalil watch` does; may be repeated",
    )


def _add_ingest(commands: Any) -> argparse.ArgumentParser:
    ingest = add_command(
        commands, "ingest", _ingest, "Put the articles of files, folders and pages of the web into the index."
    )
    ingest.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a document of any kind that Dalil reads, a folder of them, or an address (https://...) of a page, "
        "a sitemap or a feed; of an object store (`s3://...`, `gs://...`, `az://...`); patterns (`*`) of files and "
        "objects",
    )
    ingest.add_argument(
        "--sync", action="store_true", help="also remove the articles of files that are gone from there"
    )
    ingest.add_argument("--yes", action="store_true", help="remove more than a fifth of all articles without asking")
    ingest.add_argument("--server", metavar="URL", help="send the files to a running `dalil serve` instead")
    ingest.add_argument(
        "--max-pages",
        type=_parse_max_pages,
        default=_MAX_PAGES,
        metavar="N",
        help="addresses that are fetched at most (default: 500)",
    )
    ingest.add_argument("--ocr", action="store_true", help="read scans and pictures by OCR; needs Tesseract")
    ingest.add_argument(
        "--workers", choices=["ray"], help="read, embed and write on the workers of a Ray cluster: RAY_ADDRESS, or here"
    )
    ingest.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    return ingest


def _add_ask(commands: Any) -> argparse.ArgumentParser:
    ask = add_command(commands, "ask", _ask, "Answer a question, with citations.")
    ask.add_argument("question", metavar="QUESTION", help="in Arabic or English")
    ask.add_argument("--language", choices=get_args(RequestedLanguage), default="auto", help="language of the answer")
    _add_filters(ask)
    return ask


def _add_filters(command: argparse.ArgumentParser) -> None:
    command.add_argument("--topic", action="append", default=[], help="only articles on this topic; may be repeated")
    for name, which in (("from", "on or after"), ("to", "on or before")):
        command.add_argument(
            f"--date-{name}",
            type=_parse_date,
            metavar="DATE",
            help=f"only articles dated {which} this day (2024-05-31), month (2024-05) or year (2024)",
        )


def _add_search(commands: Any) -> argparse.ArgumentParser:
    search = add_command(commands, "search", _search, "Show the passages nearest to a query.")
    search.add_argument("query", metavar="QUERY", help="in Arabic or English")
    search.add_argument("-k", type=_parse_top_k, help="number of passages")
    search.add_argument(
        "--mode", choices=get_args(SearchMode), default="hybrid", help="rank by all representations, or by one"
    )
    _add_filters(search)
    search.add_argument("--explain", action="store_true", help="show every score and the matched words")
    return search


def _add_eval(commands: Any) -> list[argparse.ArgumentParser]:
    evaluation = commands.add_parser("eval", help="Measure retrieval and answers on sets with known answers.")
    sets = evaluation.add_subparsers(required=True, metavar="SET")
    added = add_commands(sets)
    for command in added:
        command.set_defaults(command=_evaluate)
    return added


def _parse_date(text: str) -> str:
    try:
        return check_iso_date(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parse_max_pages(text: str) -> int:
    if text.isdigit() and 1 <= int(text) <= _MOST_PAGES:
        return int(text)
    raise argparse.ArgumentTypeError(f"a number from 1 to {_MOST_PAGES} is wanted")


def _parse_top_k(text: str) -> int:
    if text.isdigit() and 1 <= int(text) <= _MAX_TOP_K:
        return int(text)
    raise argparse.ArgumentTypeError(f"a number from 1 to {_MAX_TOP_K} is wanted")
