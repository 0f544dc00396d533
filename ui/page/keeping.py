"""Where conversations are kept: by the browser, or, where that is set, by the server for the key of the reader."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import gradio as gr

from rag.errors import NotFoundError
from ui.api import ConversationStore, ConversationSummary, owner_of
from ui.page.conversations import keep_conversation, summarize
from ui.page.labels import Labels
from ui.page.storage import Conversation, read_conversation, read_conversations

StoredConversation = dict[str, Any]
"""A conversation as it is kept."""


class Keeper:
    """What one reader has kept, for one event of the page.

    Parameters
    ----------
    saved : sequence of StoredConversation
        What the browser keeps.
    request : gr.Request
        Of the event.
    store : ConversationStore or None
        Of the server; unset, the browser keeps them.
    labels : Labels
        Of the interface.
    """

    def __init__(
        self, saved: Sequence[StoredConversation], request: gr.Request, store: ConversationStore | None, labels: Labels
    ) -> None:
        self._store, self._labels = store, labels
        self._owner = owner_of(request.request.scope) if store and request.request else ""
        self._kept = [] if store else read_conversations(saved)

    def list_summaries(self) -> list[ConversationSummary]:
        """What the list shows of each."""
        if self._store:
            return self._store.list_conversations(self._owner)
        return [summarize(one, self._labels) for one in self._kept]

    def find(self, conversation_id: str) -> Conversation | None:
        """The conversation of that id."""
        if self._store:
            with suppress(NotFoundError):
                return read_conversation(self._store.read(self._owner, conversation_id))
            return None
        return next((one for one in self._kept if one.id == conversation_id), None)

    def find_answer(self, answer_id: str) -> Conversation | None:
        """The conversation that holds an answer."""
        return next((one for one in self.read_all() if one.find_answer(answer_id) is not None), None)

    def read_all(self) -> list[Conversation]:
        """All of them."""
        return read_conversations(self._store.read_all(self._owner)) if self._store else self._kept

    def keep(self, conversation: Conversation) -> None:
        """Keep one as it is now; an empty one is not kept."""
        if self._store is None:
            self._kept = keep_conversation(self._kept, conversation)
        elif conversation.turns:
            self._store.write(self._owner, summarize(conversation, self._labels), conversation.to_json())

    def delete(self, conversation_id: str) -> None:
        """Keep one no longer."""
        self._kept = [one for one in self._kept if one.id != conversation_id]
        if self._store:
            self._store.delete(self._owner, conversation_id)

    def delete_all(self) -> None:
        """Keep none any longer."""
        self._kept = []
        if self._store:
            self._store.delete_all(self._owner)

    def to_state(self) -> Any:
        """What the browser is to keep; what it has kept before the server did stays as it is."""
        return gr.skip() if self._store else [one.to_json() for one in self._kept]

    def own(self, conversation: Conversation) -> Conversation:
        """The conversation that was open in this browser, unless it is another reader's: then a new one."""
        if self._store and conversation.turns and self.find(conversation.id) is None:
            return Conversation()
        return conversation
