"""The components of the page in one interface language, area by area; `events` connects them."""

from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from rag.types import Language
from ui.page.answers import Words
from ui.page.chat import Chat, new_talk
from ui.page.evidence import hint_html
from ui.page.html import button, element, written
from ui.page.library import SUFFIXES, Library, forget

_OTHER: dict[Language, Language] = {"ar": "en", "en": "ar"}
_SECRET = "dalil"
"""Gradio wants one to scramble what the browser keeps; the browser's owner may read it."""
CHOICES = ("language", "passages", "mode", "topics", "explain")
"""The components of the settings, whose values the browser keeps."""


@dataclass
class Page:
    """The parts of one page that its events connect."""

    chat: Chat
    library: Library
    words: Words
    part: dict[str, Any] = field(default_factory=dict)

    def parts(self, *names: str) -> list[Any]:
        """Components by name."""
        return [self.part[name] for name in names]


def _acting(value: Any, kind: str, name: str, acts: list[str], **more: Any) -> gr.HTML:
    """HTML whose buttons tell Python what was pressed: each of `acts` is an event of it; `kind` is what it is for
    page.js."""
    script = f"dalil.{kind}(element, props, watch, trigger, {acts})"
    return gr.HTML(value, js_on_load=script, elem_id=f"dalil-{name}", apply_default_css=False, **more)


def side(page: Page) -> None:
    """The evidence, and what is said about it."""
    page.part["evidence"] = _acting(hint_html(page.words), "evidence", "evidence", ["open", "close", "right"])
    page.part["said"] = gr.HTML("", elem_id="dalil-said", apply_default_css=False)


def outbox(page: Page) -> None:
    """What the browser saves as a file as soon as it is here."""
    page.part["outbox"] = gr.HTML({}, html_template="", js_on_load="dalil.outbox(props, watch)", visible="hidden")


def header(page: Page, language: Language) -> None:
    """The name, and what concerns the page as a whole."""
    words = page.words
    other = _OTHER[language]
    tools = "".join((
        button(words["show_conversations"], "talks", "☰", cls="dalil-icon dalil-narrow"),
        element("a", words["other_language"], href=f"../{other}/", lang=other, hreflang=other, cls="dalil-language"),
        button(words["theme"], "theme", "◐", cls="dalil-icon"),
    ))  # fmt: skip
    title = element("h1", words["title"]) + element("p", words["tagline"], cls="dalil-small")
    skip = element("a", words["skip"], href="#dalil-question", cls="dalil-skip")
    head = element("header", skip + element("div", title) + element("div", tools, cls="dalil-tools"), cls="dalil-head")
    gr.HTML(head, apply_default_css=False, js_on_load="dalil.header(element)")


def talks(page: Page) -> None:
    """The conversations, and all that the browser keeps: outside the tabs, which Gradio makes only when opened."""
    page.part["choices"] = gr.BrowserState({}, storage_key="dalil.choices", secret=_SECRET)
    page.part["saved"] = gr.BrowserState([], storage_key="dalil.conversations", secret=_SECRET)
    page.part["talk"] = gr.BrowserState(new_talk(), storage_key="dalil.conversation", secret=_SECRET)
    page.part["talks"] = _acting("", "list", "conversations", ["talk", "new", "rename", "delete", "export"])


def chat(page: Page) -> None:
    """The transcript, and where a question is put."""
    template = '<div class="dalil-log"></div><div class="sr-only" role="status"></div>'
    acts = ["open", "again", "example", "rate", "edit"]
    page.part["transcript"] = _acting({}, "transcript", "transcript", acts, html_template=template)
    page.part["editing"] = gr.State(None)
    with gr.Row(elem_id="dalil-asking"):
        page.part["only"] = gr.HTML("", elem_id="dalil-only", apply_default_css=False)
        page.part["box"] = _box(page)
        page.part["ask"] = gr.Button(page.words["ask"], variant="primary", elem_id="dalil-ask", scale=1)
        page.part["stop"] = gr.Button(page.words["stop"], variant="stop", elem_id="dalil-stop", scale=1, visible=False)


def _box(page: Page) -> gr.Textbox:
    return gr.Textbox(
        label=page.words["question"],
        placeholder=page.words["question_hint"],
        show_label=False,
        lines=1,
        max_lines=6,
        autofocus=True,
        elem_id="dalil-question",
        max_length=page.chat.work.assistant.settings.max_question_chars,
        scale=5,
    )


def library(page: Page) -> None:
    """The articles, and where files are dropped when the service takes any."""
    if page.library.inbox is not None:
        _adding(page)
    page.part["filter"] = gr.Textbox(label=page.words["filter"], elem_id="dalil-filter")
    page.part["articles"] = _acting("", "list", "found", ["open", "remove", "undo"])


def _adding(page: Page) -> None:
    words = page.words
    script = "dalil.files(element, trigger, upload)"
    page.part["files"] = gr.HTML(_drop_html(page), js_on_load=script, elem_id="dalil-files", apply_default_css=False)
    page.part["plan"] = gr.HTML("", elem_id="dalil-plan", apply_default_css=False)
    page.part["pending"] = gr.State([], delete_callback=forget)
    with gr.Row():
        page.part["add"] = gr.Button(words["add_now"], variant="primary", visible=False, elem_id="dalil-add")
        page.part["cancel"] = gr.Button(words["cancel"], visible=False, elem_id="dalil-cancel")


def _drop_html(page: Page) -> str:
    library, words = page.library, page.words
    choose = element("input", type="file", multiple="", accept=",".join(SUFFIXES), cls="sr-only")
    title = element("strong", words["add"]) + element("span", words["add_how"])
    hint = written(library.said("add_hint"), cls="dalil-small")
    limits = {"data_limit": str(library.largest), "data_sending": words["sending"]}
    zone = element("label", choose + title + hint, cls="dalil-drop", **limits)
    return zone + element("p", cls="dalil-small", role="status")


def settings(page: Page) -> None:
    """How answers are to be: what the browser keeps as `CHOICES`."""
    words, settings = page.words, page.chat.work.assistant.settings
    languages = [(words["auto"], "auto"), (words["arabic"], "ar"), (words["english"], "en")]
    page.part["language"] = gr.Radio(languages, value="auto", label=words["answer_language"], elem_id="dalil-answers")
    page.part["passages"] = gr.Slider(1, 20, settings.top_k, step=1, label=words["passages"], elem_id="dalil-passages")
    modes = [(words["mode_auto"], "auto"), (words["mode_extractive"], "extractive")]
    page.part["mode"] = gr.Radio(modes, value="auto", label=words["mode"], interactive=True)
    # Which topics there are is known when the page is loaded.
    page.part["topics"] = gr.Dropdown(
        [], value=[], multiselect=True, label=words["topics"], info=words["topics_hint"], elem_id="dalil-topics"
    )
    page.part["explain"] = gr.Checkbox(False, label=words["explain"], elem_id="dalil-explain")
    gr.HTML(element("p", words["settings_kept"], cls="dalil-small"), apply_default_css=False)
