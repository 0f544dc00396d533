"""A tab from its opening to its end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.page import talks
from ui.page.chat import Talk
from ui.page.events.shared import HIDDEN, MANY, Update
from ui.page.layout import CHOICES, Page

_STAY_S = 10.0
"""How soon it is noticed that a tab has gone."""


@dataclass(frozen=True)
class Visit:
    """A tab from its opening to its end, and the choices that outlast it."""

    page: Page

    def connect(self, blocks: gr.Blocks) -> None:
        """Connect it."""
        page = self.page
        chosen = page.parts(*CHOICES)
        shown = page.parts("transcript", "talks", "articles", "talk", "only") + chosen
        blocks.load(self.restore, page.parts("saved", "talk", "choices"), shown, **HIDDEN)
        gr.on([part.change for part in chosen], self.keep, chosen, page.parts("choices", "only"), **HIDDEN)
        blocks.load(self.stay, None, None, **MANY)
        blocks.unload(self.leave)

    def restore(self, saved: list[Talk], talk: Talk, choices: dict[str, Any]) -> Update:
        """Show what the browser has kept; of the topics those that there are."""
        page = self.page
        topics = page.library.topics()
        chosen = [topic for topic in choices.get("topics", ()) if topic in topics]
        restored = {name: choices.get(name, gr.skip()) for name in CHOICES}
        restored["topics"] = gr.update(choices=topics, value=chosen)
        shown = page.chat.picture(talk), talks.listed(saved, talk, page.words), page.library.listed("")
        return *shown, talk, page.library.only(chosen), *restored.values()

    def keep(self, *values: Any) -> Update:
        """The choices as the browser keeps them, and what is said of them."""
        choices = dict(zip(CHOICES, values, strict=True))
        return choices, self.page.library.only(choices["topics"])

    async def stay(self) -> AsyncIterator[None]:
        """Keep Gradio's stream of answers open: it ends when nothing is pending, and loses what is pressed then."""
        while True:
            yield
            await asyncio.sleep(_STAY_S)

    def leave(self, request: gr.Request) -> None:
        """End what a tab that has gone had asked."""
        self.page.chat.stop(str(request.session_hash))
