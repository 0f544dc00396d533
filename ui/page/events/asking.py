"""Questions, and what is done with their answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.page import talks
from ui.page.chat import Talk
from ui.page.events.shared import HIDDEN, MANY, Update
from ui.page.layout import CHOICES, Page


@dataclass(frozen=True)
class Asking:
    """The chat: questions, and what is done with their answers."""

    page: Page

    def connect(self) -> None:
        """Connect it; whatever changes the conversation is kept."""
        page, transcript = self.page, self.page.part["transcript"]
        state = page.parts("talk", *CHOICES)
        shown = page.parts("transcript", "talk", "box", "editing", "ask", "stop")
        typed = page.parts("box", "editing") + state
        rated = page.parts("transcript", "talk")
        for changed in (
            page.part["ask"].click(self.from_box, typed, shown, **MANY),
            page.part["box"].submit(self.from_box, typed, shown, **MANY),
            transcript.again(self.again, state, shown, **MANY),
            transcript.example(self.example, state, shown, **MANY),
            transcript.rate(self.rate, page.parts("talk"), rated, trigger_mode="multiple", **HIDDEN),
        ):
            changed.then(self.save, page.parts("saved", "talk"), page.parts("saved", "talks"), **HIDDEN)
        transcript.edit(self.edit, page.parts("talk"), page.parts("box", "editing"), js=None, **HIDDEN)
        page.part["stop"].click(self.stop, None, None, **MANY)

    def from_box(
        self, request: gr.Request, question: str, editing: int | None, talk: Talk, *chosen: Any
    ) -> Iterator[Update]:
        """The question in the box, in place of the one that is edited and what came after it."""
        if question.strip():
            before = talk["turns"] if editing is None else talk["turns"][:editing]
            yield from self._answered(question.strip(), talk | {"turns": before}, chosen, request)
        else:
            yield (gr.skip(),) * 6

    def again(self, event: gr.EventData, request: gr.Request, talk: Talk, *chosen: Any) -> Iterator[Update]:
        """A question once more; the last one in place of its answer."""
        at, turns = int(event._data["turn"]), talk["turns"]
        before = turns[:at] if at == len(turns) - 1 else turns
        yield from self._answered(turns[at]["question"], talk | {"turns": before}, chosen, request)

    def example(self, event: gr.EventData, request: gr.Request, talk: Talk, *chosen: Any) -> Iterator[Update]:
        """A question of the welcome."""
        yield from self._answered(str(event._data["question"]), talk, chosen, request)

    def edit(self, event: gr.EventData, talk: Talk) -> Update:
        """Put a question into the box."""
        at = int(event._data["turn"])
        return talk["turns"][at]["question"], at

    def rate(self, event: gr.EventData, talk: Talk) -> Update:
        """Rate an answer."""
        rated = self.page.chat.rated(talk, event._data)
        return self.page.chat.picture(rated, state=self.page.words["thanks"]), rated

    def stop(self, request: gr.Request) -> None:
        """End what this tab has asked."""
        self.page.chat.stop(str(request.session_hash))

    def save(self, saved: list[Talk], talk: Talk) -> Update:
        """Keep the conversation as it is now."""
        kept = talks.with_talk(saved, talk)
        return kept, talks.listed(kept, talk, self.page.words)

    def _answered(self, question: str, talk: Talk, chosen: Update, request: gr.Request) -> Iterator[Update]:
        busy = gr.update(visible=False), gr.update(visible=True)
        choices = dict(zip(CHOICES, chosen, strict=True))
        for picture, done in self.page.chat.ask(question, talk, choices, str(request.session_hash)):
            if done is None:
                yield picture, gr.skip(), "", None, *busy
            else:
                yield picture, done, gr.skip(), None, gr.update(visible=True), gr.update(visible=False)
