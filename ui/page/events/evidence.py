"""The article beside the chat."""

from dataclasses import dataclass

import gradio as gr

from ui.page import evidence, talks
from ui.page.chat import Talk, talk_of
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
        known = page.parts("saved", "talk")
        page.part["evidence"].right(self.right, known, page.parts("said", "transcript", "talks") + known, **HIDDEN)

    def open(self, event: gr.EventData) -> Update:
        """Show an article at the words that were asked for."""
        return evidence.opened(self.page.chat.work.assistant, event._data, self.page.words), ""

    def close(self) -> Update:
        """Show none."""
        return evidence.hint_html(self.page.words), ""

    def right(self, event: gr.EventData, saved: list[Talk], talk: Talk) -> Update:
        """Note that this is what should have been cited, beside what was said of that answer before."""
        chat, words = self.page.chat, self.page.words
        rated, said = talk_of(event._data["answer"], (talk, *saved)), words["rating_gone"]
        if rated is not None:
            rated, said = chat.right_passage(rated, event._data)
            talk = rated if rated["id"] == talk["id"] else talk
            saved = talks.with_talk(saved, rated)
        note = element("p", said, role="status", cls="dalil-note")
        return note, chat.picture(talk, state=said), talks.listed(saved, talk, words), saved, talk
