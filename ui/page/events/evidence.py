"""The article beside the chat."""

from dataclasses import dataclass

import gradio as gr

from ui.page import evidence
from ui.page.events.shared import HIDDEN, Update
from ui.page.html import element
from ui.page.layout import Page


@dataclass(frozen=True)
class Evidence:
    """The article beside the chat."""

    page: Page

    def connect(self) -> None:
        """Connect it to all that opens an article."""
        page = self.page
        panel = page.parts("evidence", "said")
        for name in ("transcript", "articles"):
            page.part[name].open(self.open, None, panel, trigger_mode="multiple", **HIDDEN)
        page.part["evidence"].close(self.close, None, panel, **HIDDEN)
        page.part["evidence"].right(self.right, None, page.parts("said"), **HIDDEN)

    def open(self, event: gr.EventData) -> Update:
        """Show an article at the words that were asked for."""
        return evidence.opened(self.page.chat.work.assistant, event._data, self.page.words), ""

    def close(self) -> Update:
        """Show none."""
        return evidence.hint_html(self.page.words), ""

    def right(self, event: gr.EventData) -> str:
        """Note that this is what should have been cited."""
        return element("p", self.page.chat.right_passage(event._data), role="status", cls="dalil-note")
