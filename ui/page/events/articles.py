"""The list of articles, and files that are dropped."""

from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr

from ui.page.events.shared import HIDDEN, Update
from ui.page.layout import Page
from ui.page.library import Dropped, Upload, forget


@dataclass(frozen=True)
class Articles:
    """The list of articles, and files that are dropped."""

    page: Page

    def connect(self) -> None:
        """Connect it; files only where the service takes any."""
        page, library, articles = self.page, self.page.library, self.page.part["articles"]
        wanted = page.parts("filter")
        page.part["filter"].change(library.listed, wanted, [articles], trigger_mode="always_last", **HIDDEN)
        articles.remove(self.remove, wanted, [articles], **HIDDEN)
        articles.undo(self.undo, wanted, [articles], **HIDDEN)
        if library.inbox is not None:
            self._connect_files()

    def _connect_files(self) -> None:
        page = self.page
        planned = page.parts("plan", "pending", "add", "cancel")
        page.part["files"].upload(self.plan, page.parts("pending"), planned, trigger_mode="multiple", **HIDDEN)
        added = page.parts("articles")
        page.part["add"].click(self.add, page.parts("pending", "filter"), planned + added, **HIDDEN)
        page.part["cancel"].click(self.cancel, page.parts("pending"), planned, **HIDDEN)

    def remove(self, event: gr.EventData, wanted: str) -> str:
        """Take an article out."""
        return self.page.library.listed(wanted, self.page.library.removed(str(event._data["article"])))

    def undo(self, event: gr.EventData, wanted: str) -> str:
        """Put back what was taken out."""
        return self.page.library.listed(wanted, self.page.library.put_back(str(event._data["article"])))

    def plan(self, event: gr.EventData, pending: list[Upload]) -> Update:
        """Say what adding these files would do, beside those that wait already."""
        uploads, problems = self.page.library.taken([Dropped(**one) for one in event._data["files"]])
        planned, fresh = self.page.library.plan([*pending, *uploads], problems)
        return planned, fresh, gr.update(visible=bool(fresh)), gr.update(visible=bool(planned))

    def add(self, pending: list[Upload], wanted: str) -> Iterator[Update]:
        """Add what was planned, file by file."""
        gone = gr.update(visible=False)
        for shown in self.page.library.added(pending):
            yield shown, [], gone, gone, gr.skip()
        yield gr.skip(), [], gone, gone, self.page.library.listed(wanted)

    def cancel(self, pending: list[Upload]) -> Update:
        """Forget what was planned."""
        forget(pending)
        return "", [], gr.update(visible=False), gr.update(visible=False)
