"""Questions, and what is done with their answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.page.events.shared import ANNOUNCE, HIDDEN, UNLIMITED, Update, with_other_tabs
from ui.page.exports import export_answer
from ui.page.html import render_macro
from ui.page.keeping import StoredConversation
from ui.page.layout import ASKED_WITH, Page
from ui.page.scope import SCOPE
from ui.page.storage import Conversation, read_conversation

_NOTHING_CHANGES = (gr.skip(),) * 7


@dataclass(frozen=True)
class ChatEvents:
    """The chat: questions, and what is done with their answers."""

    page: Page

    def connect(self) -> None:
        """Connect it; whatever changes the conversation is kept."""
        page, transcript = self.page, self.page.components["transcript"]
        state = ("current", *ASKED_WITH)
        shown = page.select("transcript", "current", "question", "editing", "editing_note", "ask", "stop")
        typed = ("question", "editing", *state)
        rated = page.select("transcript", "current")
        for changed in (
            page.components["ask"].click(self.ask_from_box, **self._taking(*typed), outputs=shown, **UNLIMITED),
            page.components["question"].submit(self.ask_from_box, **self._taking(*typed), outputs=shown, **UNLIMITED),
            transcript.again(self.ask_again, **self._taking(*state), outputs=shown, **UNLIMITED),
            transcript.widen(self.ask_widened, **self._taking(*state), outputs=shown, **UNLIMITED),
            transcript.example(self.ask_example, **self._taking(*state), outputs=shown, **UNLIMITED),
            page.components["evidence"].summarize(self.summarize, **self._taking(*state), outputs=shown, **UNLIMITED),
            transcript.rate(self.rate, **self._taking("current"), outputs=rated, trigger_mode="multiple", **HIDDEN),
        ):
            kept = page.select("saved", "conversations")
            saved = changed.then(self.save, **self._taking("saved", "current"), outputs=kept, **HIDDEN)
            saved.then(None, page.select("saved"), None, js=ANNOUNCE, **HIDDEN)
        edited = page.select("question", "editing", "editing_note")
        transcript.edit(self.edit, **self._taking("current"), outputs=edited, **HIDDEN)
        page.components["editing_note"].cancel_edit(self.cancel_edit, None, edited, **HIDDEN)
        transcript.save_answer(self.save_answer, **self._taking("current"), outputs=page.select("download"), **HIDDEN)
        page.components["stop"].click(self.stop, None, None, **UNLIMITED)

    def _taking(self, *names: str) -> dict[str, Any]:
        return {"inputs": self.page.select(*names), "js": with_other_tabs(*names)}

    def ask_from_box(
        self, request: gr.Request, question: str, editing: int | None, current: StoredConversation, *chosen: Any
    ) -> Iterator[Update]:
        """The question in the box; an edited one in its place, in a new conversation where others came after it."""
        # One that is too long stays in the box, beneath what the page says of it.
        if 0 < len(question.strip()) <= self.page.chat.service.assistant.settings.max_question_chars:
            conversation = _branch(read_conversation(current), editing, question.strip())
            yield from self._ask(question.strip(), conversation, chosen, request)
        else:
            yield _NOTHING_CHANGES

    def ask_again(
        self, event: gr.EventData, request: gr.Request, current: StoredConversation, *chosen: Any
    ) -> Iterator[Update]:
        """A question once more; the last one in place of its answer."""
        conversation, index = read_conversation(current), int(event.turn)
        question = conversation.turns[index].question
        is_last = index == len(conversation.turns) - 1
        yield from self._ask(question, _cut_turns(conversation, index if is_last else None), chosen, request)

    def ask_widened(
        self, event: gr.EventData, request: gr.Request, current: StoredConversation, *chosen: Any
    ) -> Iterator[Update]:
        """A question once more, of all articles; what the search is limited to stays as it is."""
        everywhere = [None if name in SCOPE else value for name, value in zip(ASKED_WITH, chosen, strict=True)]
        yield from self.ask_again(event, request, current, *everywhere)

    def ask_example(
        self, event: gr.EventData, request: gr.Request, current: StoredConversation, *chosen: Any
    ) -> Iterator[Update]:
        """A question of the welcome."""
        yield from self._ask(str(event.question), read_conversation(current), chosen, request)

    def summarize(
        self, event: gr.EventData, request: gr.Request, current: StoredConversation, *chosen: Any
    ) -> Iterator[Update]:
        """What an article says, of itself alone."""
        alone = {"topics": [], "only_articles": [(str(event.article), str(event.title))], "dates": None}
        values = [alone.get(name, value) for name, value in zip(ASKED_WITH, chosen, strict=True)]
        question = self.page.labels["summarize_question"].format(title=event.title)
        yield from self._ask(question, read_conversation(current), values, request)

    def edit(self, event: gr.EventData, current: StoredConversation) -> Update:
        """Put a question into the box, and say what becomes of those after it."""
        index, turns = int(event.turn), read_conversation(current).turns
        note = "" if index == len(turns) - 1 else render_macro("turn", "editing_note", labels=self.page.labels)
        return turns[index].question, index, note

    def cancel_edit(self) -> Update:
        """Leave the question as it is."""
        return "", None, ""

    def rate(self, event: gr.EventData, current: StoredConversation) -> Update:
        """Rate an answer."""
        chat = self.page.chat
        reason = getattr(event, "reason", None)
        rated = chat.rate(read_conversation(current), int(event.turn), event.rating, reason)
        return chat.render(rated, state=self.page.labels["thanks"]), rated.to_json()

    def save_answer(self, event: gr.EventData, current: StoredConversation) -> dict[str, str]:
        """Save an answer with its evidence as a file."""
        turn = read_conversation(current).turns[int(event.turn)]
        return export_answer(turn, str(event.form), self.page.labels)

    def stop(self, request: gr.Request) -> None:
        """End what this tab has asked."""
        self.page.chat.stop(str(request.session_hash))

    def save(self, request: gr.Request, saved: list[StoredConversation], current: StoredConversation) -> Update:
        """Keep the conversation as it is now."""
        conversation, kept = read_conversation(current), self.page.open_kept(saved, request)
        kept.keep(conversation)
        return kept.to_state(), self.page.render_conversations(kept, conversation)

    def _ask(
        self, question: str, conversation: Conversation, chosen: Sequence[Any], request: gr.Request
    ) -> Iterator[Update]:
        busy = gr.update(visible=False), gr.update(visible=True)
        idle = gr.update(visible=True), gr.update(visible=False)
        choices = dict(zip(ASKED_WITH, chosen, strict=True))
        for transcript, done in self.page.chat.ask(question, conversation, choices, str(request.session_hash)):
            if done is None:
                yield transcript, gr.skip(), "", None, "", *busy
            else:
                yield transcript, done.to_json(), gr.skip(), None, "", *idle


def _cut_turns(conversation: Conversation, index: int | None) -> Conversation:
    """A conversation without its turns from `index` on; whole where it is None."""
    return conversation if index is None else conversation.model_copy(update={"turns": conversation.turns[:index]})


def _branch(conversation: Conversation, index: int | None, question: str) -> Conversation:
    """Where the edited question of a turn is asked: in place of the last one, else in a conversation of its own, since
    the turns after it stay where they are."""
    if index is None or index >= len(conversation.turns) - 1:
        return _cut_turns(conversation, index)
    return Conversation(name=question, turns=conversation.turns[:index])
