"""The page in one interface language, as Gradio Blocks: its areas laid out and connected."""

from pathlib import Path
from typing import Any

import gradio as gr

from rag.types import Language
from ui.api import Inbox, Work
from ui.page import events, layout
from ui.page.chat import Chat
from ui.page.labels import words as words_of
from ui.page.layout import Page
from ui.page.library import Library
from ui.page.welcome import Examples


def build(work: Work, inbox: Inbox | None, examples: Examples, uploads: Path, language: Language) -> Any:
    """The page in one interface language; files are sent to the folder `uploads`."""
    words = words_of(language)
    page = Page(Chat(work, words, examples), Library(work, inbox, words, uploads), words)
    with gr.Blocks(title=words["title"], analytics_enabled=False, fill_width=True) as blocks:
        layout.header(page, language)
        with gr.Row(elem_id="dalil-page", equal_height=False):
            with gr.Column(elem_id="dalil-talks"):
                layout.talks(page)
            with gr.Column(elem_id="dalil-middle"), gr.Tabs():
                _tabs(page)
            with gr.Column(elem_id="dalil-side"):
                layout.side(page)
        layout.outbox(page)
        events.connect(page, blocks)
    return blocks


def _tabs(page: Page) -> None:
    words = page.words
    with gr.Tab(words["chat"], elem_id="dalil-chat"):
        layout.chat(page)
    with gr.Tab(words["articles"], elem_id="dalil-library"):
        layout.library(page)
    with gr.Tab(words["settings"], elem_id="dalil-settings"):
        layout.settings(page)
