"""The articles: browse, filter, read, add with a plan first, remove and undo."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rag.errors import DalilError
from rag.service import Inbox, Work
from rag.store import Head
from rag.text import folded
from rag.types import Added, Article
from ui.page.answers import Words
from ui.page.html import button, element, written

_SHOWN = 100
"""Rows of the list; the filter finds the others."""
_REMOVED_KEPT = 50
_KINDS: dict[str, Literal["md", "txt", "jsonl"]] = {
    ".md": "md", ".markdown": "md", ".txt": "txt", ".jsonl": "jsonl", ".json": "jsonl"
}  # fmt: skip
SUFFIXES = tuple(_KINDS)


class Upload(NamedTuple):
    """A file that was dropped."""

    name: str
    content: bytes


@dataclass
class Library:
    """What the list of articles does, in one interface language."""

    work: Work
    inbox: Inbox | None
    words: Words
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

    def plan(self, uploads: Sequence[Upload]) -> tuple[str, list[Upload]]:
        """What adding these files would do, and those of them that there is something to add of."""
        rows, fresh = [], []
        for upload in uploads:
            done = self._tried(upload, adding=False)
            rows += _rows(upload.name, done, "plan", self.words)
            fresh += [upload] if done.added or done.changed else []
        if not rows:
            return "", []
        nothing = "" if fresh else element("p", self.words["plan_nothing"])
        return self._table(self.words["plan"], rows) + nothing, fresh

    def added(self, uploads: Sequence[Upload]) -> Iterator[str]:
        """Add files one by one: what has become of each so far, as HTML."""
        rows: list[str] = []
        for at, upload in enumerate(uploads, 1):
            doing = self.words["adding"].format(done=at, count=len(uploads))
            bar = element("progress", "", max=str(len(uploads)), value=str(at - 1), aria_label=doing)
            yield element("p", doing + " " + bar, role="status") + self._table("", rows)
            rows += _rows(upload.name, self._tried(upload, adding=True), "done", self.words)
        yield self._table("", rows)

    def _tried(self, upload: Upload, adding: bool) -> Added:
        kind = _KINDS.get(Path(upload.name).suffix.lower())
        if self.inbox is None or kind is None:
            return Added(failed={upload.name: self.words["error_no_inbox" if kind else "error_kind"]})
        try:
            return (self.inbox.add if adding else self.inbox.plan)(Path(upload.name).stem, upload.content, kind)
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
