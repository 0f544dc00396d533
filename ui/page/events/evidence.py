"""The article beside the chat."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from rag.types import Span
from ui.page.events.shared import ANNOUNCE, HIDDEN, Update, with_other_tabs
from ui.page.evidence import EvidenceRequest, render_article, render_hint
from ui.page.html import render_macro
from ui.page.keeping import StoredConversation
from ui.page.layout import Page
from ui.page.scope import SCOPE
from ui.page.storage import RightPassage, read_conversation


@dataclass(frozen=True)
class EvidenceEvents:
    """The article beside the chat."""

    page: Page

    def connect(self) -> None:
        """Connect it to all that opens an article."""
        page = self.page
        panel = page.select("evidence", "notice")
        for name in ("transcript", "articles"):
            page.components[name].open(self.open, None, panel, trigger_mode="multiple", **HIDDEN)
        page.components["evidence"].close(self.close, None, panel, **HIDDEN)
        scope, limits = page.select("only_articles", "scope"), page.select(*SCOPE)
        for limiting in (page.components["evidence"].about, page.components["evidence"].summarize):
            limiting(self.limit_to_article, limits, scope, **HIDDEN)
        known = page.select("saved", "current")
        shown = page.select("notice", "transcript", "conversations")
        taken: dict[str, Any] = {"inputs": known, "js": with_other_tabs("saved", "current")}
        noted = page.components["evidence"].right(self.note_right_passage, **taken, outputs=shown + known, **HIDDEN)
        noted.then(None, page.select("saved"), None, js=ANNOUNCE, **HIDDEN)

    def open(self, event: gr.EventData) -> Update:
        """Show an article at the words that were asked for."""
        request = EvidenceRequest(
            str(event.article),
            Span(int(event.start), int(event.end)),
            str(getattr(event, "verdict", "")),
            str(getattr(event, "answer", "")),
            str(getattr(event, "title", "")),
            str(getattr(event, "quote", "")),
        )
        service, language = self.page.chat.service, self.page.library.language
        return render_article(service.assistant.store, request, self.page.labels, language, service.pages), ""

    def close(self) -> Update:
        """Show none."""
        return render_hint(self.page.labels), ""

    def limit_to_article(self, event: gr.EventData, *limits: Any) -> Update:
        """Search one article alone from now on."""
        only = [(str(event.article), str(event.title))]
        return only, self.page.render_scope(limits, only_articles=only)

    def note_right_passage(
        self, event: gr.EventData, request: gr.Request, saved: list[StoredConversation], current: StoredConversation
    ) -> Update:
        """Note that this is what should have been cited, beside what was said of that answer before."""
        chat, labels = self.page.chat, self.page.labels
        opened, kept = read_conversation(current), self.page.open_kept(saved, request)
        passage = RightPassage(article_id=event.article, start=int(event.start), end=int(event.end))
        notice = labels["rating_gone"]
        rated = opened if opened.find_answer(event.answer) is not None else kept.find_answer(event.answer)
        if rated is not None:
            rated, notice = chat.note_right_passage(rated, event.answer, passage)
            opened = rated if rated.id == opened.id else opened
            kept.keep(rated)
        return (
            render_macro("elements", "status_note", message=notice),
            chat.render(opened, state=notice),
            self.page.render_conversations(kept, opened),
            kept.to_state(),
            opened.to_json(),
        )
