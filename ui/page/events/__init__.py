"""What happens on the page when something is pressed, dropped or loaded: one class for each area, whose methods Gradio
calls, and which connects them."""

import gradio as gr

from ui.page.events.articles import Articles
from ui.page.events.asking import Asking
from ui.page.events.evidence import Evidence
from ui.page.events.talks import Talks
from ui.page.events.visit import Visit
from ui.page.layout import Page


def connect(page: Page, blocks: gr.Blocks) -> None:
    """Connect all that was laid out."""
    Asking(page).connect()
    Talks(page).connect()
    Evidence(page).connect()
    Articles(page).connect()
    Visit(page).connect(blocks)
