"""The list of conversations."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.page.conversations import (
    export_all,
    export_conversation,
    find_conversation,
    rename_conversation,
    render_list,
)
from ui.page.events.shared import ANNOUNCE, HIDDEN, StoredConversation, Update, with_other_tabs
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
        taken: dict[str, Any] = {"inputs": state, "js": with_other_tabs("saved", "current")}
        shown = state + page.select("transcript", "conversations", "editing", "editing_note")
        for changed in (
            listed.select(self.select, **taken, outputs=shown, **HIDDEN),
            page.components["conversation_tools"].new(self.begin, **taken, outputs=shown, **HIDDEN),
            listed.rename(self.rename, **taken, outputs=shown, **HIDDEN),
            listed.delete(self.delete, **taken, outputs=shown, **HIDDEN),
            listed.delete_all(self.delete_all, None, outputs=shown, **HIDDEN),
        ):
            changed.then(None, page.select("saved"), None, js=ANNOUNCE, **HIDDEN)
        listed.refresh(self.refresh, **taken, outputs=page.select("conversations"), **HIDDEN)
        listed.export(self.export, **taken, outputs=page.select("download"), **HIDDEN)

    def refresh(self, saved: list[StoredConversation], current: StoredConversation) -> str:
        """Show what another tab has kept."""
        return render_list(read_conversations(saved), read_conversation(current), self.page.labels)

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

    def delete_all(self) -> Update:
        """Delete all of them, and begin a new one."""
        return self._show([], Conversation())

    def export(
        self, event: gr.EventData, saved: list[StoredConversation], current: StoredConversation
    ) -> dict[str, str]:
        """Save the open one, or all, as a file."""
        if event.form == "all":
            return export_all(read_conversations(saved), self.page.labels)
        return export_conversation(read_conversation(current), event.form, self.page.labels)

    def _show(self, kept: list[Conversation], opened: Conversation) -> Update:
        labels = self.page.labels
        stored = [one.to_json() for one in kept], opened.to_json()
        return *stored, self.page.chat.render(opened), render_list(kept, opened, labels), None, ""
