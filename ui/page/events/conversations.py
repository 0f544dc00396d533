"""The list of conversations."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.page.conversations import export_all, export_conversation, rename_conversation
from ui.page.events.shared import ANNOUNCE, HIDDEN, Update, with_other_tabs
from ui.page.keeping import Keeper, StoredConversation
from ui.page.layout import Page
from ui.page.storage import Conversation, read_conversation


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

    def refresh(self, request: gr.Request, saved: list[StoredConversation], current: StoredConversation) -> str:
        """Show what another tab has kept."""
        return self.page.render_conversations(self.page.open_kept(saved, request), read_conversation(current))

    def select(
        self, event: gr.EventData, request: gr.Request, saved: list[StoredConversation], current: StoredConversation
    ) -> Update:
        """Open one."""
        kept = self.page.open_kept(saved, request)
        return self._show(kept, kept.find(str(event.conversation)) or read_conversation(current))

    def begin(self, request: gr.Request, saved: list[StoredConversation], current: StoredConversation) -> Update:
        """Begin a new one."""
        return self._show(self.page.open_kept(saved, request), Conversation())

    def rename(
        self, event: gr.EventData, request: gr.Request, saved: list[StoredConversation], current: StoredConversation
    ) -> Update:
        """Give one another name."""
        kept, opened = self.page.open_kept(saved, request), read_conversation(current)
        if found := kept.find(str(event.conversation)):
            kept.keep(rename_conversation(found, str(event.name)))
        return self._show(kept, kept.find(opened.id) or opened)

    def delete(
        self, event: gr.EventData, request: gr.Request, saved: list[StoredConversation], current: StoredConversation
    ) -> Update:
        """Delete one; where it is the open one, begin a new one."""
        kept, opened = self.page.open_kept(saved, request), read_conversation(current)
        kept.delete(str(event.conversation))
        return self._show(kept, Conversation() if opened.id == event.conversation else opened)

    def delete_all(self, request: gr.Request) -> Update:
        """Delete all of them, and begin a new one."""
        kept = self.page.open_kept((), request)
        kept.delete_all()
        return self._show(kept, Conversation())

    def export(
        self, event: gr.EventData, request: gr.Request, saved: list[StoredConversation], current: StoredConversation
    ) -> dict[str, str]:
        """Save the open one, or all, as a file."""
        if event.form == "all":
            return export_all(self.page.open_kept(saved, request).read_all(), self.page.labels)
        return export_conversation(read_conversation(current), event.form, self.page.labels)

    def _show(self, kept: Keeper, opened: Conversation) -> Update:
        stored = kept.to_state(), opened.to_json()
        return *stored, self.page.chat.render(opened), self.page.render_conversations(kept, opened), None, ""
