"""The articles: browse, filter, read, add with a plan first, remove and undo."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from rag.errors import DalilError
from rag.language.text import folded
from rag.store import Head
from rag.types import Added, Article
from ui.api import Inbox, Work
from ui.page.answers import Words
from ui.page.html import button, element, written

_SHOWN = 100
"""Rows of the list; the filter finds the others."""
_REMOVED_KEPT = 50
_KINDS: dict[str, Literal["md", "txt", "jsonl"]] = {
    ".md": "md", ".markdown": "md", ".txt": "txt", ".jsonl": "jsonl", ".json": "jsonl"
}  # fmt: skip
SUFFIXES = tuple(_KINDS)

_ENVELOPE_BYTES = 2_000
"""What a form takes beside the file that it carries: its name, twice at most three bytes a character, and the marks."""


class Dropped(NamedTuple):
    """What a browser tells of a file that was dropped: `path` is where it was sent to, empty when it was not."""

    name: str
    size: int
    path: str


class Upload(NamedTuple):
    """A file that was dropped and has been taken."""

    name: str
    file: Path

    def forget(self) -> None:
        """Remove its content."""
        self.file.unlink(missing_ok=True)


Problems = list[tuple[str, str]]
"""Names of files, each with what is wrong with it."""


def forget(uploads: Sequence[Upload]) -> None:
    """Remove the content of each."""
    for upload in uploads:
        upload.forget()


@dataclass
class Library:
    """What the list of articles does, in one interface language."""

    work: Work
    inbox: Inbox | None
    words: Words
    uploads: Path
    """The folder that files are sent to."""
    _removed: dict[str, Article] = field(default_factory=dict)

    def listed(self, wanted: str, note: str = "") -> str:
        """The articles whose title, topic or id holds `wanted`, with what was just done above them."""
        heads = sorted(self.work.assistant.store.heads().values(), key=lambda head: (head.topic or "", head.title))
        key = folded(wanted).strip()
        found = [head for head in heads if key in folded(f"{head.title} {head.topic or ''} {head.id}")]
        counted = self.words["count_found" if key else "count_articles"].format(found=len(found), count=len(heads))
        rows = "".join(self._row(head) for head in found[:_SHOWN])
        shown = element("ul", rows, cls="dalil-articles") if rows else element("p", self.words["no_articles"])
        return note + element("p", counted, cls="dalil-small", role="status") + shown

    def topics(self) -> list[str]:
        """The topics of the articles, in order."""
        return sorted({head.topic for head in self.work.assistant.store.heads().values() if head.topic})

    def only(self, topics: Sequence[str]) -> str:
        """What is said beside the box while not all articles are asked."""
        named = "، ".join(written(topic, "bdi") for topic in topics)
        return element("p", self.words["only_topics"].format(topics=named), cls="dalil-small") if topics else ""

    def _row(self, head: Head) -> str:
        about = " · ".join(filter(None, (head.topic, head.date)))
        read = button(
            head.title,
            "open",
            written(head.title),
            cls="dalil-link",
            data_article=head.id,
            data_start="0",
            data_end="0",
        )
        remove = button(self.words["remove"], "remove", "🗑", cls="dalil-icon", data_article=head.id)
        return element("li", read + (written(about, cls="dalil-small") if about else "") + remove)

    def removed(self, article_id: str) -> str:
        """Take an article out of the index, to be put back while it is remembered."""
        store = self.work.assistant.store
        try:
            article = store.article(article_id)
        except DalilError:
            return ""
        store.remove([article_id])
        store.settle()
        self._removed[article_id] = article
        for key in list(self._removed)[:-_REMOVED_KEPT]:
            del self._removed[key]
        undo = button(self.words["undo"], "undo", data_article=article_id) if self.inbox else ""
        said = written(self.words["removed"].format(title=article.title))
        return element("p", said + " " + undo, cls="dalil-note", role="status")

    def put_back(self, article_id: str) -> str:
        """Undo a removal."""
        article = self._removed.pop(article_id, None)
        if article is None or self.inbox is None:
            return ""
        self.inbox.put_back(article)
        said = written(self.words["restored"].format(title=article.title))
        return element("p", said, cls="dalil-note", role="status")

    @property
    def largest(self) -> int:
        """Bytes of the largest file that can be sent: each goes alone, in a body of its own."""
        return self.work.assistant.settings.max_body_bytes - _ENVELOPE_BYTES

    def said(self, key: str) -> str:
        """Words that tell the largest file, in megabytes."""
        return self.words[key].format(limit=f"{self.work.assistant.settings.max_body_bytes / 1e6:.3g}")

    def taken(self, dropped: Sequence[Dropped]) -> tuple[list[Upload], Problems]:
        """Files that were dropped, and why some of them cannot be taken."""
        problems = [self._problem(one) for one in dropped]
        paired = list(zip(dropped, problems, strict=True))
        return [self._take(one) for one, bad in paired if not bad], [(one.name, bad) for one, bad in paired if bad]

    def _problem(self, dropped: Dropped) -> str:
        if self.inbox is None:
            return self.words["error_no_inbox"]
        if Path(dropped.name).suffix.lower() not in _KINDS:
            return self.words["error_kind"]
        if dropped.size > self.largest:
            return self.said("error_large")
        # A browser may tell any path: only what was sent to us is read, and removed.
        sent = Path(dropped.path).resolve()
        return "" if sent.is_relative_to(self.uploads.resolve()) and sent.is_file() else self.words["error_lost"]

    def _take(self, dropped: Dropped) -> Upload:
        # Gradio names a file by its content, and another tab may have sent the same: this one gets a name of its own.
        return Upload(dropped.name, Path(dropped.path).replace(self.uploads / uuid4().hex))

    def plan(self, uploads: Sequence[Upload], problems: Problems) -> tuple[str, list[Upload]]:
        """What adding these files would do, and those of them that there is something to add of; the others are
        forgotten."""
        rows = [_file_row(name, "failed", self.words["plan_failed"], why) for name, why in problems]
        fresh = []
        for upload in uploads:
            done = self._tried(upload, adding=False)
            rows += _rows(upload.name, done, "plan", self.words)
            if done.added or done.changed:
                fresh.append(upload)
            else:
                upload.forget()
        nothing = "" if fresh else element("p", self.words["plan_nothing"])
        return (self._table(self.words["plan"], rows) + nothing if rows else ""), fresh

    def added(self, uploads: Sequence[Upload]) -> Iterator[str]:
        """Add files one by one: what has become of each so far, as HTML."""
        rows: list[str] = []
        for at, upload in enumerate(uploads, 1):
            doing = self.words["adding"].format(done=at, count=len(uploads))
            bar = element("progress", "", max=str(len(uploads)), value=str(at - 1), aria_label=doing)
            yield element("p", doing + " " + bar, role="status") + self._table("", rows)
            rows += _rows(upload.name, self._tried(upload, adding=True), "done", self.words)
            upload.forget()
        yield self._table("", rows)

    def _tried(self, upload: Upload, adding: bool) -> Added:
        if self.inbox is None or not upload.file.is_file():
            return Added(failed={upload.name: self.words["error_lost" if self.inbox else "error_no_inbox"]})
        name = Path(upload.name)
        done = self.inbox.add if adding else self.inbox.plan
        try:
            return done(name.stem, upload.file.read_bytes(), _KINDS[name.suffix.lower()])
        except DalilError as error:
            return Added(failed={upload.name: str(error)})

    def _table(self, title: str, rows: Sequence[str]) -> str:
        heading = element("h3", title) if title else ""
        return heading + element("ul", "".join(rows), cls="dalil-plan") if rows else heading


def _rows(name: str, done: Added, stage: str, words: Words) -> list[str]:
    told: Mapping[str, Any] = asdict(done)
    rows = [
        _file_row(name if len(told[outcome]) == 1 else f"{name}: {key}", outcome, words[f"{stage}_{outcome}"], "")
        for outcome in ("added", "changed", "unchanged")
        for key in told[outcome]
    ]
    return rows + [_file_row(name, "failed", words[f"{stage}_failed"], why) for why in done.failed.values()]


def _file_row(name: str, outcome: str, said: str, why: str) -> str:
    badge = element("span", said, cls="dalil-badge", data_outcome=outcome)
    return element("li", written(name) + " " + badge + (written(why, "p", cls="dalil-small") if why else ""))
