"""The articles: browse, filter, read, add with a plan first, remove and undo."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from markupsafe import Markup

from ingest.indexer import IndexResult
from ingest.ocr.options import OcrOptions
from ingest.readers import SUFFIXES, ReadFailure, ReadWarning, format_of_file, read_upload
from ingest.readers.metadata import MAX_TITLE_CHARS
from ingest.reasons import tell_reason
from rag.errors import DalilError
from rag.store import Store
from rag.types import Article, Language
from ui.api import AnswerService, acting_for, describe_error
from ui.page.adding import NoteWritten, Written, watch_adding
from ui.page.article_list import COLUMNS, ArticleRow, ListOrder, describe_added, select_articles
from ui.page.dropped import DroppedFile, Problem, Upload
from ui.page.html import direction_of, render_macro
from ui.page.labels import Labels, load_labels

_log = logging.getLogger(__name__)

_SHOWN_SUFFIXES = [f"\u2066{suffix}\u2069" for suffix in SUFFIXES]
"""Each isolated: their dots would change sides among Arabic words."""
_NEWEST_FIRST = ListOrder()
_MAX_REMOVED = 100
"""Removed articles that can be restored: as many as are selected at once."""
_FORM_BYTES = 2_000
"""What a form takes beside the file that it carries: its name, twice at most three bytes a character, and the marks."""
_ERROR_LABELS = {"overloaded": "change_busy", "storage_full": "change_full", "not_found": "change_gone"}
"""By codes of errors (`ui.api.errors`)."""
_OUTCOMES = ("added", "changed", "unchanged")


class _Row(NamedTuple):
    """What becomes of one article of a file."""

    name: str
    outcome: str
    label: str
    reason: str = ""


@dataclass
class Library:
    """What the list of articles does, in one interface language.

    Attributes
    ----------
    service : AnswerService
        Holds the articles, and takes new ones in.
    language : Language
        Of the interface.
    uploads : Path
        The folder that files are sent to.
    removed : dict of str to Article
        That were removed and can be restored, by id; the same for all languages of a page.
    """

    service: AnswerService
    language: Language
    uploads: Path
    removed: dict[str, Article] = field(default_factory=dict)

    @property
    def labels(self) -> Labels:
        """Of the interface."""
        return load_labels(self.language)

    def render_list(self, wanted: str, order: ListOrder = _NEWEST_FIRST, notice: str = "") -> str:
        """The articles whose title, topic or id contains `wanted`, with what was just done above them, and those that
        can be restored beneath."""
        found, matching = select_articles(self._store, wanted, order)
        total = self._store.count_articles()
        has_original = self.service.indexer.has_original
        key = "count_found" if wanted.strip() else "count_articles"
        return render_macro(
            "articles",
            "articles",
            rows=[ArticleRow(one, describe_added(one), bool(one.original) and has_original(one)) for one in found],
            columns=COLUMNS,
            order=order,
            counted=self.labels[key].format(found=matching, count=total),
            has_more=matching > len(found),
            notice=Markup(notice),
            removed=list(self.removed.values())[::-1],
            longest_title=MAX_TITLE_CHARS,
            labels=self.labels,
        )

    def list_topics(self) -> list[str]:
        """The topics of the articles, in order."""
        return sorted(self._store.count_topics())

    def remove(self, *article_ids: str) -> str:
        """Take articles out of the index, to be restored while they are remembered; gives what is said of it."""
        try:
            articles = self._store.get_articles(article_ids)
            self.service.indexer.remove(list(articles), holds_originals=True)
        except DalilError as error:
            return render_macro("library", "failure", message=self._describe_error(error))
        for article_id, article in articles.items():
            self.removed.pop(article_id, None)  # one that came back by itself: it is the latest now
            self.removed[article_id] = article
        for oldest in list(self.removed)[:-_MAX_REMOVED]:
            self.service.indexer.forget_original(self.removed.pop(oldest).original)
        return self._tell_change("removed", list(articles.values()))

    def rename(self, article_id: str, title: str) -> str:
        """Give an article another title; gives what is said of it."""
        try:
            renamed = self.service.indexer.rename(article_id, title)
        except DalilError as error:
            return render_macro("library", "failure", message=self._describe_error(error))
        return self._tell_change("renamed", [renamed])

    def reread(self, article_ids: Sequence[str], ocr: bool, caller: str) -> Iterator[str]:
        """Read articles again from their originals, for a caller by that name, with OCR where it is asked for; gives
        what has become of each so far."""
        rows: list[_Row] = []
        stored = self._store.summarize_articles()
        titles = [(one, stored[one].title if one in stored else one) for one in article_ids]
        for number, (article_id, title) in enumerate(titles, 1):
            label = self.labels["rereading"].format(done=number, count=len(titles))
            counted = {"label": label, "done": number - 1, "total": len(titles), "name": title, "so_far": ""}
            yield render_macro("library", "adding", **counted) + self._render_outcomes(rows)
            with acting_for(caller):
                rows += self._reread_one(article_id, title, ocr)
        yield render_macro("library", "outcome_note", content=Markup(self._render_outcomes(rows)))

    def _reread_one(self, article_id: str, title: str, ocr: bool) -> list[_Row]:
        before = self._store.get_articles([article_id]).get(article_id)
        result = self._change_index(
            title, lambda: self.service.indexer.index(self.service.read_original(article_id, ocr))
        )
        rows = self._rows(title, result, "reread")
        after = self._store.get_articles([article_id]).get(article_id)
        is_same_text = before and after and before.text == after.text
        other = self.labels["reread_changed_otherwise"]
        return [row._replace(label=other) if row.outcome == "changed" and is_same_text else row for row in rows]

    def restore(self, *article_ids: str) -> str:
        """Undo a removal; gives what is said of it."""
        restored = []
        for article in filter(None, map(self.removed.get, article_ids)):
            try:
                self.service.indexer.restore(article)
            except DalilError as error:  # what is remembered is all that is left of it
                message = self._describe_error(error)
                return render_macro("library", "failure", message=message, article_id=article.id, labels=self.labels)
            self.removed.pop(article.id, None)
            restored.append(article)
        return self._tell_change("restored", restored)

    def _tell_change(self, change: str, articles: Sequence[Article]) -> str:
        """What is said of articles that were removed or restored."""
        if not articles:
            return ""
        label = self.labels[change if len(articles) == 1 else f"{change}_many"]
        message = label.format(title=articles[0].title, count=len(articles))
        ids = [(article.id, article.title) for article in articles]
        way = direction_of(self.language)
        return render_macro("library", change, message=message, articles=ids, way=way, labels=self.labels)

    def render_drop_zone(self) -> str:
        """Where files are dropped."""
        return render_macro(
            "library",
            "drop_zone",
            suffixes=SUFFIXES,
            hint=self._label_with_limits("add_hint"),
            # Of the interface: the names of formats outnumber the words around them.
            way=direction_of(self.language),
            max_bytes=self._max_file_bytes,
            labels=self.labels,
        )

    def accept(self, dropped: Sequence[DroppedFile], ocr: bool = False) -> tuple[list[Upload], list[Problem]]:
        """The files that can be read, and why the others cannot; `ocr`: whether their reader wants scans read."""
        uploads, problems = [], []
        for file in dropped:
            reason = self._find_problem(file)
            if reason:
                problems.append(Problem(file.name, reason))
            else:
                uploads.append(self._take(file, ocr))
        return uploads, problems

    def plan(self, uploads: Sequence[Upload], problems: Sequence[Problem]) -> tuple[str, list[Upload]]:
        """What adding these files would do, as HTML, and those of them that there is something to add of; the others
        are discarded."""
        rows = [_Row(name, "failed", self.labels["plan_failed"], reason) for name, reason in problems]
        new = []
        for upload in uploads:
            result = self._try_upload(upload, is_planned=True)
            rows += self._rows(upload.name, result, "plan")
            if result.to_write:
                new.append(upload)
            else:
                upload.discard()
        nothing = "" if new or not rows else self.labels["plan_nothing"]
        title = self.labels["plan"] if rows else ""
        return self._render_outcomes(rows, title, nothing), new

    def add(self, uploads: Sequence[Upload], caller: str) -> Iterator[str]:
        """Add files one by one, for a caller by that name: what has become of each so far, as HTML."""
        rows: list[_Row] = []
        for number, upload in enumerate(uploads, 1):
            yield self._render_adding(uploads, number, Written(0, 0)) + self._render_outcomes(rows)
            for step in watch_adding(partial(self._add_upload, upload, caller)):
                if isinstance(step, Written):
                    yield self._render_adding(uploads, number, step) + self._render_outcomes(rows)
                else:
                    rows += self._rows(upload.name, step, "done")
            upload.discard()
        yield self._render_outcomes(rows)

    @property
    def can_ask_for_ocr(self) -> bool:
        """Whether it is the reader's choice that scans are read."""
        return self.service.assistant.settings.ocr == "ask"

    @property
    def _store(self) -> Store:
        return self.service.assistant.store

    @property
    def _max_file_bytes(self) -> int:
        """Bytes of the largest file that can be sent: each goes alone, in a body of its own."""
        return self.service.assistant.settings.max_body_bytes - _FORM_BYTES

    def _label_with_limits(self, key: str) -> str:
        """Words that tell the largest file, in megabytes, and the suffixes that are read."""
        limit = f"{self.service.assistant.settings.max_body_bytes / 1e6:.3g}"
        return self.labels[key].format(limit=limit, suffixes=self.labels["list_separator"].join(_SHOWN_SUFFIXES))

    def _find_problem(self, dropped: DroppedFile) -> str:
        if format_of_file(Path(dropped.name)) is None:
            return self._label_with_limits("error_kind")
        if dropped.size > self._max_file_bytes:
            return self._label_with_limits("error_large")
        # A browser may tell any path: only what was sent to us is read, and removed.
        sent = Path(dropped.path).resolve()
        return "" if sent.is_relative_to(self.uploads.resolve()) and sent.is_file() else self.labels["error_lost"]

    def _take(self, dropped: DroppedFile, ocr: bool) -> Upload:
        # Gradio names a file by its content, and another tab may have sent the same: this one gets a name of its own.
        return Upload(dropped.name, Path(dropped.path).replace(self.uploads / uuid4().hex), ocr)

    def _render_adding(self, uploads: Sequence[Upload], number: int, written: Written) -> str:
        """Which file is being added, from 1, and what was written of it."""
        label = self.labels["adding"].format(done=number, count=len(uploads))
        so_far = self.labels["adding_so_far"].format(articles=written.articles, pages=written.pages)
        return render_macro(
            "library",
            "adding",
            label=label,
            done=number - 1,
            total=len(uploads),
            name=uploads[number - 1].name,
            so_far=so_far if written.articles else "",
        )

    def _add_upload(self, upload: Upload, caller: str, note_written: NoteWritten) -> IndexResult:
        with acting_for(caller):
            return self._try_upload(upload, False, note_written)

    def _try_upload(
        self, upload: Upload, is_planned: bool, note_written: NoteWritten = lambda articles: None
    ) -> IndexResult:
        known = format_of_file(Path(upload.name))
        if known is None or not upload.file.is_file():
            return IndexResult(failed=[ReadFailure(upload.name, self.labels["error_lost"])])
        settings = self.service.assistant.settings
        ocr = OcrOptions.of(settings.ocr, settings.tesseract, upload.ocr)
        content, name = upload.file.read_bytes(), upload.name
        articles = read_upload(content, known, Path(name).stem, settings.max_article_chars, name, ocr)
        indexer = self.service.indexer
        index = indexer.plan if is_planned else partial(indexer.index, note_written=note_written)
        return self._change_index(name, lambda: index(articles))

    def _change_index(self, name: str, change: Callable[[], IndexResult]) -> IndexResult:
        """What comes of a change; what fails is told of `name`."""
        try:
            with self.service.upload_limiter.place():
                return change()
        except DalilError as error:
            return IndexResult(failed=[ReadFailure(name, self._describe_error(error))])

    def _rows(self, name: str, result: IndexResult, stage: str) -> list[_Row]:
        rows = []
        for outcome in _OUTCOMES:
            ids: list[str] = getattr(result, outcome)
            label = self.labels[f"{stage}_{outcome}"]
            rows += [_Row(name if len(ids) == 1 else f"{name}: {key}", outcome, label) for key in ids]
        failed = self.labels[f"{stage}_failed"]
        rows += [_Row(name, "failed", failed, self._tell(failure)) for failure in result.failed]
        warned = self.labels["warned"]
        return rows + [_Row(name, "warned", warned, self._tell(warning)) for warning in result.warnings]

    def _describe_error(self, error: DalilError) -> str:
        """What goes wrong, for whoever reads the page; the log has the rest."""
        code = describe_error(error)["error"]["code"]
        _log.error("%s", error)
        return self.labels[_ERROR_LABELS.get(code, "change_failed")]

    def _tell(self, item: ReadFailure | ReadWarning) -> str:
        return tell_reason(item.reason, self.language)

    def _render_outcomes(self, rows: Sequence[_Row], title: str = "", nothing: str = "") -> str:
        way = direction_of(self.language)  # of what is told, whatever names it holds
        return render_macro("library", "outcomes", title=title, rows=rows, nothing=nothing, way=way)
