"""The page in one interface language, as Gradio Blocks: its areas laid out and connected."""

from pathlib import Path
from typing import Any

import gradio as gr

from rag.types import Article, Language
from ui.api import AnswerService
from ui.page import events, layout
from ui.page.chat import Chat
from ui.page.labels import load_labels
from ui.page.layout import Page
from ui.page.library import Library
from ui.page.welcome import FirstScreen


def build_page(
    service: AnswerService, first_screen: FirstScreen, uploads: Path, removed: dict[str, Article], language: Language
) -> Any:
    """The page in one interface language.

    Parameters
    ----------
    service : AnswerService
        Answers, and takes articles in.
    first_screen : FirstScreen
        For a first visitor.
    uploads : Path
        Folder that files are sent to.
    removed : dict of str to Article
        That were removed and can be restored; shared by all languages.
    language : Language
        Of the interface.
    """
    labels = load_labels(language)
    page = Page(Chat(service, language, first_screen), Library(service, language, uploads, removed), labels)
    with gr.Blocks(title=labels["title"], analytics_enabled=False, fill_width=True) as blocks:
        layout.lay_out_header(page, language)
        with gr.Row(elem_id="dalil-page", equal_height=False):
            with gr.Column(elem_id="dalil-conversations"):
                layout.lay_out_conversations(page)
            with gr.Column(elem_id="dalil-middle"), gr.Tabs():
                _add_tabs(page)
            with gr.Column(elem_id="dalil-side"):
                layout.lay_out_evidence(page)
        layout.lay_out_download(page)
        events.connect_all(page, blocks)
    return blocks


def _add_tabs(page: Page) -> None:
    labels = page.labels
    with gr.Tab(labels["chat"], elem_id="dalil-chat"):
        layout.lay_out_chat(page)
    with gr.Tab(labels["articles"], elem_id="dalil-library"):
        layout.lay_out_library(page)
    with gr.Tab(labels["settings"], elem_id="dalil-settings"):
        layout.lay_out_settings(page)
