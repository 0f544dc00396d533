"""The list of conversations."""

from dataclasses import dataclass

import gradio as gr

from ui.page.conversations import export_conversation, find_conversation, rename_conversation, render_list
from ui.page.events.shared import HIDDEN, StoredConversation, Update
from ui.page.layout import Page
from ui.page.storage import Conversation, read_conversation, read_conversations


@dataclass(frozen=True)
class ConversationEvents:
    """The list of conversations."""

    page: Page

    def connect(self) -> None:
        """Connect it."""
        page, listed = self.page, self.page.components["conversations"]
        state = page.select("saved", "current")
        shown = state + page.select("transcript", "conversations", "editing")
        listed.select(self.select, state, shown, **HIDDEN)
        listed.new(self.begin, state, shown, **HIDDEN)
        listed.rename(self.rename, state, shown, **HIDDEN)
        listed.delete(self.delete, state, shown, **HIDDEN)
        listed.export(self.export, page.select("current"), page.select("download"), **HIDDEN)

    def select(self, event: gr.EventData, saved: list[StoredConversation], current: StoredConversation) -> Update:
        """Open one."""
        kept = read_conversations(saved)
        return self._show(kept, find_conversation(kept, event.conversation) or read_conversation(current))

    def begin(self, saved: list[StoredConversation], current: StoredConversation) -> Update:
        """Begin a new one."""
        return self._show(read_conversations(saved), Conversation())

    def rename(self, event: gr.EventData, saved: list[StoredConversation], current: StoredConversation) -> Update:
        """Give one another name."""
        kept = rename_conversation(read_conversations(saved), event.conversation, str(event.name))
        opened = read_conversation(current)
        return self._show(kept, find_conversation(kept, opened.id) or opened)

    def delete(self, event: gr.EventData, saved: list[StoredConversation], current: StoredConversation) -> Update:
        """Delete one; where it is the open one, begin a new one."""
        kept = [one for one in read_conversations(saved) if one.id != event.conversation]
        opened = read_conversation(current)
        return self._show(kept, Conversation() if opened.id == event.conversation else opened)

    def export(self, event: gr.EventData, current: StoredConversation) -> dict[str, str]:
        """Save the open one as a file."""
        return export_conversation(read_conversation(current), event.form, self.page.labels)

    def _show(self, kept: list[Conversation], opened: Conversation) -> Update:
        labels = self.page.labels
        stored = [one.to_json() for one in kept], opened.to_json()
        return *stored, self.page.chat.render(opened), render_list(kept, opened, labels), None
