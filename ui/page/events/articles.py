"""The list of articles, and files that are dropped."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from ui.page.events.shared import HIDDEN, Update
from ui.page.layout import Page
from ui.page.library import Upload


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
        page.part["files"].upload(self.plan, page.parts("files"), page.parts("files") + planned, **HIDDEN)
        added = page.parts("articles")
        page.part["add"].click(self.add, page.parts("pending", "filter"), planned + added, **HIDDEN)
        page.part["cancel"].click(self.cancel, None, planned, **HIDDEN)

    def remove(self, event: gr.EventData, wanted: str) -> str:
        """Take an article out."""
        return self.page.library.listed(wanted, self.page.library.removed(str(event._data["article"])))

    def undo(self, event: gr.EventData, wanted: str) -> str:
        """Put back what was taken out."""
        return self.page.library.listed(wanted, self.page.library.put_back(str(event._data["article"])))

    def plan(self, files: list[str]) -> Update:
        """Say what adding these files would do."""
        planned, fresh = self.page.library.plan([_taken(Path(file)) for file in files])
        return None, planned, fresh, gr.update(visible=bool(fresh)), gr.update(visible=bool(planned))

    def add(self, pending: list[Upload], wanted: str) -> Iterator[Update]:
        """Add what was planned, file by file."""
        gone = gr.update(visible=False)
        for shown in self.page.library.added([Upload(*upload) for upload in pending]):
            yield shown, [], gone, gone, gr.skip()
        yield gr.skip(), [], gone, gone, self.page.library.listed(wanted)

    def cancel(self) -> Update:
        """Forget what was planned."""
        return "", [], gr.update(visible=False), gr.update(visible=False)


def _taken(file: Path) -> Upload:
    """A dropped file's name and content; Gradio's copy of it is removed."""
    upload = Upload(file.name, file.read_bytes())
    file.unlink(missing_ok=True)
    return upload
