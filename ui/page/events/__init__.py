"""What happens on the page when something is pressed, dropped or loaded: one class for each area, whose methods Gradio
calls, and which connects them."""

import gradio as gr

from ui.page.events.chat import ChatEvents
from ui.page.events.conversations import ConversationEvents
from ui.page.events.evidence import EvidenceEvents
from ui.page.events.library import LibraryEvents, changes_articles
from ui.page.events.page_image import PageImageEvents
from ui.page.events.visit import VisitEvents
from ui.page.layout import Page

__all__ = ["changes_articles", "connect_all"]


def connect_all(page: Page, blocks: gr.Blocks) -> None:
    """Connect all that was laid out."""
    ChatEvents(page).connect()
    ConversationEvents(page).connect()
    EvidenceEvents(page).connect()
    PageImageEvents(page).connect()
    LibraryEvents(page).connect()
    VisitEvents(page).connect(blocks)
