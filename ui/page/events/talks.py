"""The list of conversations."""

from dataclasses import dataclass

import gradio as gr

from ui.page import talks
from ui.page.chat import Talk
from ui.page.events.shared import HIDDEN, Update
from ui.page.layout import Page


@dataclass(frozen=True)
class Talks:
    """The list of conversations."""

    page: Page

    def connect(self) -> None:
        """Connect it."""
        page, listed = self.page, self.page.part["talks"]
        state = page.parts("saved", "talk")
        for happened in (listed.talk, listed.new, listed.rename, listed.delete):
            happened(self.change, state, state + page.parts("transcript", "talks", "editing"), **HIDDEN)
        listed.export(self.export, page.parts("talk"), page.parts("outbox"), **HIDDEN)

    def change(self, event: gr.EventData, saved: list[Talk], talk: Talk) -> Update:
        """Open, begin, rename or delete one."""
        kept, opened = talks.changed(saved, talk, event._data)
        return kept, opened, self.page.chat.picture(opened), talks.listed(kept, opened, self.page.words), None

    def export(self, event: gr.EventData, talk: Talk) -> dict[str, str]:
        """Save the open one as a file."""
        return talks.exported(talk, event._data["form"], self.page.words)
