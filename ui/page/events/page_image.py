"""The page of a document beside the text of its article."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from rag.errors import NotFoundError
from rag.types import Span
from ui.page.events.shared import HIDDEN
from ui.page.layout import Page
from ui.page.page_image import PageRequest, render_page_image


@dataclass(frozen=True)
class PageImageEvents:
    """The page of a document beside the text of its article."""

    page: Page

    def connect(self) -> None:
        """Connect it to the evidence, which asks for a page when it is opened, and when a page is turned."""
        shown = self.page.select("page_image")
        self.page.components["evidence"].show_page(self.show, None, shown, trigger_mode="multiple", **HIDDEN)

    def show(self, event: gr.EventData) -> dict[str, Any]:
        """Show a page."""
        service, number = self.page.chat.service, getattr(event, "page", None)
        span = Span(int(event.start), int(event.end))
        request = PageRequest(span, int(number) if number else None, str(event.key))
        try:
            article = service.assistant.store.get_article(str(event.article))
        except NotFoundError:
            return {"key": request.key, "html": ""}
        return render_page_image(service.pages, article, request, self.page.labels, self.page.library.language)
