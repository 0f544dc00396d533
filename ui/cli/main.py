"""`dalil`: ingest, ask, search, status, serve, eval. Results on standard output, all else on standard error."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from eval.commands import add as commands_of_eval
from rag.errors import DalilError, InputError, SettingsError
from rag.settings import Settings
from rag.settings import load as load_settings
from rag.types import Answer, Filters, SearchMode

if TYPE_CHECKING:
    from ingest.sync import Plan

_FINE, _FAILED, _WRONG_USE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 fine, 1 failed, 2 wrong use."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options, load_settings()))
    except (InputError, SettingsError) as error:
        return _complain(error, _WRONG_USE)
    except DalilError as error:
        return _complain(error, _FAILED)
    except KeyboardInterrupt:
        print("Stopped. What was finished is kept.", file=sys.stderr)
        return _FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read us has seen enough
        return _FINE


def _complain(error: DalilError, code: int) -> int:
    print(f"dalil: {error}", file=sys.stderr)
    return code


def _ingest(options: argparse.Namespace, settings: Settings) -> int:
    paths = [Path(path) for path in options.paths]
    plan = _sent(options, settings, paths) if options.server else _synced(options, settings, paths)
    for failure in plan.failed:
        print(f"dalil: not ingested: {failure.path}: {failure.reason}", file=sys.stderr)
    counts = {name: len(getattr(plan, name)) for name in ("added", "changed", "unchanged", "removed")}
    shown = counts | {"failed": [asdict(failure) for failure in plan.failed]}
    words = ", ".join(f"{count} {name}" for name, count in counts.items()) + f", {len(plan.failed)} failed"
    _show(options, shown, ("would be: " if options.dry_run else "") + words)
    return _FAILED if plan.failed else _FINE


def _synced(options: argparse.Namespace, settings: Settings, paths: list[Path]) -> "Plan":
    from ingest.sync import Sync
    from rag.answering.assistant import pipeline_of
    from rag.embedding import known_views, open_encoder
    from rag.store import open_store

    store = open_store(settings, pipeline_of(settings, known_views(settings)))  # no model need be loaded for this
    try:
        sync = Sync(store, settings.chunk_tokens, settings.max_article_chars)
        plan = sync.plan(paths, options.sync)
        if not options.dry_run:
            with _progress_bar("articles") as progress:
                sync.apply(plan, paths, lambda: open_encoder(settings), progress)
    finally:
        store.close()
    return plan


def _sent(options: argparse.Namespace, settings: Settings, paths: list[Path]) -> "Plan":
    from ui.cli.upload import send

    if options.sync or options.dry_run:
        raise InputError("--server takes files in as they are: --sync and --dry-run need the index itself.")
    with _progress_bar("files") as progress:
        return send(options.server, next(iter(settings.keys), None), paths, progress)


def _ask(options: argparse.Namespace, settings: Settings) -> int:
    from rag.answering.assistant import Assistant

    with Assistant.from_settings(settings) as assistant:
        answer = assistant.ask(options.question, None if options.language == "auto" else options.language)
    _show(options, asdict(answer), _answer_words(answer))
    return _FINE


def _answer_words(answer: Answer) -> str:
    notes = [f"[{item.number}] {item.title} ({item.article_id}, {item.start}-{item.end})" for item in answer.citations]
    if answer.degraded:
        notes.append("The model did not answer; these are the articles' own sentences.")
    return "\n".join([answer.text, "", *notes]).rstrip()


def _search(options: argparse.Namespace, settings: Settings) -> int:
    from rag.answering.assistant import Assistant
    from rag.retrieval.retriever import explained

    with Assistant.from_settings(settings) as assistant:
        found = assistant.search(options.query, options.k, Filters(topics=tuple(options.topic)), options.mode)
    shown = explained(found, options.explain)
    lines = [
        f"{hit.score:.3f}  {hit.article.title}  {hit.start}-{hit.end}\n       {' '.join(hit.text.split())[:160]}"
        for hit in found.hits
    ]
    _show(options, shown, "\n".join(lines) or "nothing found")
    return _FINE


def _status(options: argparse.Namespace, settings: Settings) -> int:
    from rag.answering.assistant import pipeline_of
    from rag.embedding import known_views
    from rag.store import open_store

    pipeline = pipeline_of(settings, known_views(settings))
    store = open_store(settings, pipeline)
    try:
        shown = {
            "articles": len(store.heads()),
            "chunks": store.chunk_count,
            "store": settings.qdrant_url or str(settings.data_dir),
            "embedder": pipeline.embedder,
            "model": settings.model,
            "fingerprint": pipeline.fingerprint,
        }
    finally:
        store.close()
    _show(options, shown, "\n".join(f"{name}: {value}" for name, value in shown.items()))
    return _FINE


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from ingest.indexer import IndexInbox
    from ui.serve import serve

    given = {"host": options.host, "port": options.port}
    serve(load_settings(**{name: value for name, value in given.items() if value is not None}), IndexInbox)
    return _FINE


def _eval(options: argparse.Namespace, settings: Settings) -> int:
    with _progress_bar("articles") as progress:
        outcome = options.evaluate(options, settings, progress)
    _show(options, outcome.value, outcome.words)
    return _FAILED if outcome.failed else _FINE


def _show(options: argparse.Namespace, value: dict[str, Any], words: str) -> None:
    print(json.dumps(value, ensure_ascii=False) if options.json else words)


class _progress_bar:
    """A bar on standard error, shown once there is something to do."""

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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "dalil", description="Questions in Arabic or English over Arabic articles, answered with citations."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace, Settings], int], about: str, group: Any = commands
    ) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = group.add_parser(name, help=about, description=about)
        added.set_defaults(command=run)
        return added

    def json_option(added: argparse.ArgumentParser) -> None:
        added.add_argument("--json", action="store_true", help="one JSON object on standard output")

    ingest = command("ingest", _ingest, "Put the articles of files and folders into the index.")
    ingest.add_argument(
        "paths", nargs="+", metavar="PATH", help="Markdown, plain text or JSON lines, or a folder of them"
    )
    ingest.add_argument("--sync", action="store_true", help="also remove articles that no file gives any more")
    ingest.add_argument("--server", metavar="URL", help="send the files to a running `dalil serve` instead")
    ingest.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    ask = command("ask", _ask, "Answer a question, with citations.")
    ask.add_argument("question", metavar="QUESTION")
    ask.add_argument("--language", choices=("auto", "ar", "en"), default="auto", help="language of the answer")
    search = command("search", _search, "Show the passages nearest to a query.")
    search.add_argument("query", metavar="QUERY")
    search.add_argument("-k", type=_count, help="number of passages")
    search.add_argument("--mode", choices=get_args(SearchMode), default="hybrid", help="rank by all views, or by one")
    search.add_argument("--topic", action="append", default=[], help="only articles on this topic; may be repeated")
    search.add_argument("--explain", action="store_true", help="show every signal and the matched words")
    status = command("status", _status, "Say what the index holds and what made it.")
    serve = command("serve", _serve, "Serve the API and the page.")
    serve.add_argument("--host")
    serve.add_argument("--port", type=int)
    evaluation = commands.add_parser("eval", help="Measure retrieval and answers on sets with known answers.")
    sets = evaluation.add_subparsers(required=True, metavar="SET")
    measuring = commands_of_eval(sets)
    for added in measuring:
        added.set_defaults(command=_eval)
    for added in (ingest, ask, search, status, *measuring):
        json_option(added)
    return parser


def _count(text: str) -> int:
    if text.isdigit() and 1 <= int(text) <= 50:
        return int(text)
    raise argparse.ArgumentTypeError("a number from 1 to 50 is wanted")


def run() -> None:
    """The installed command."""
    sys.exit(main())
