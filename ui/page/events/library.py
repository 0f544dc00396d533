"""The list of articles, and files that are dropped."""

from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr

from ui.page.events.shared import HIDDEN, Update
from ui.page.layout import Page
from ui.page.library import DroppedFile, Upload, discard_uploads


@dataclass(frozen=True)
class LibraryEvents:
    """The list of articles, and files that are dropped."""

    page: Page

    def connect(self) -> None:
        """Connect it."""
        page, components = self.page, self.page.components
        wanted, listed = page.select("filter"), page.select("articles")
        components["filter"].change(page.library.render_list, wanted, listed, trigger_mode="always_last", **HIDDEN)
        # `multiple`: what is pressed while another removal is under way counts as well.
        components["articles"].remove(self.remove, wanted, listed, trigger_mode="multiple", **HIDDEN)
        components["articles"].undo(self.undo, wanted, listed, trigger_mode="multiple", **HIDDEN)
        pending, planned = page.select("pending"), page.select("plan", "pending", "add", "cancel")
        dropping = page.select("pending", "read_ocr")
        components["files"].upload(self.plan, dropping, planned, trigger_mode="multiple", **HIDDEN)
        components["add"].click(self.add, page.select("pending", "filter"), planned + listed, **HIDDEN)
        components["cancel"].click(self.cancel, pending, planned, **HIDDEN)

    def remove(self, event: gr.EventData, wanted: str) -> str:
        """Take an article out."""
        return self.page.library.render_list(wanted, self.page.library.remove(str(event.article)))

    def undo(self, event: gr.EventData, wanted: str) -> str:
        """Put back what was taken out."""
        return self.page.library.render_list(wanted, self.page.library.restore(str(event.article)))

    def plan(self, event: gr.EventData, pending: list[Upload], ocr: bool) -> Update:
        """Say what adding these files would do, beside those that wait already."""
        library = self.page.library
        uploads, problems = library.accept([DroppedFile(**file) for file in event.files], ocr)
        planned, new = library.plan([*pending, *uploads], problems)
        return planned, new, gr.update(visible=bool(new)), gr.update(visible=bool(planned))

    def add(self, pending: list[Upload], wanted: str) -> Iterator[Update]:
        """Add what was planned, file by file."""
        hidden = gr.update(visible=False)
        for outcomes in self.page.library.add(pending):
            yield outcomes, [], hidden, hidden, gr.skip()
        yield gr.skip(), [], hidden, hidden, self.page.library.render_list(wanted)

    def cancel(self, pending: list[Upload]) -> Update:
        """Discard what was planned."""
        discard_uploads(pending)
        return "", [], gr.update(visible=False), gr.update(visible=False)
