"""The components of the page in one interface language, area by area; `events` connects them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from rag.language.languages import LANGUAGES, other_language
from rag.types import Language
from ui.page.article_list import ListOrder
from ui.page.chat import Chat
from ui.page.collections import storage_prefix
from ui.page.conversations import render_list
from ui.page.dropped import discard_uploads
from ui.page.evidence import render_hint
from ui.page.html import render_macro
from ui.page.keeping import Keeper, StoredConversation
from ui.page.labels import Labels
from ui.page.library import Library
from ui.page.scope import OPEN_RANGE, SCOPE, Scope
from ui.page.storage import Conversation

_STORAGE_SECRET = "dalil"
"""Gradio wants one to scramble what the browser keeps; the browser's owner may read it."""
CHOICES = ("language", "passages", "mode", "topics", "explain")
"""The components of the settings, whose values the browser keeps."""
ASKED_WITH = (*CHOICES, "only_articles", "dates")
"""What a question is asked with: the settings, and the articles and dates that alone are searched, kept as long as a
tab."""
_MAX_PASSAGES = 20


@dataclass
class Page:
    """The parts of one page that its events connect.

    Attributes
    ----------
    chat, library : Chat, Library
        What the page does.
    labels : Labels
        Of the interface.
    components : dict
        Gradio's components, by name.
    """

    chat: Chat
    library: Library
    labels: Labels
    components: dict[str, Any] = field(default_factory=dict)

    def select(self, *names: str) -> list[Any]:
        """Components by name."""
        return [self.components[name] for name in names]

    @property
    def is_on_server(self) -> bool:
        """Whether the server keeps the conversations."""
        return self.chat.service.conversations is not None

    def open_kept(self, saved: Sequence[StoredConversation], request: gr.Request) -> Keeper:
        """What the reader of an event has kept."""
        return Keeper(saved, request, self.chat.service.conversations, self.labels)

    def render_conversations(self, kept: Keeper, current: Conversation) -> str:
        """The list of conversations."""
        return render_list(kept.list_summaries(), current, self.labels, self.is_on_server)

    def render_scope(self, limits: Sequence[Any] = (), **changed: Any) -> str:
        """What is searched, as HTML: the values of `SCOPE`, with those that have changed."""
        return Scope.of(dict(zip(SCOPE, limits, strict=False)) | changed).render(self.labels)


def _action_html(value: Any, kind: str, name: str, actions: list[str], **options: Any) -> gr.HTML:
    """HTML whose buttons tell Python what was pressed: each of `actions` is an event of it; `kind` is what it is for
    page.js."""
    script = f"dalil.{kind}(element, props, watch, trigger, {actions})"
    return gr.HTML(value, js_on_load=script, elem_id=f"dalil-{name}", apply_default_css=False, **options)


def lay_out_header(page: Page, language: Language) -> None:
    """The name, and what concerns the page as a whole."""
    is_locked = page.chat.service.assistant.settings.is_locked
    values = {"other_language": other_language(language), "is_locked": is_locked, "labels": page.labels}
    header = render_macro("header", "header", **values)
    gr.HTML(header, apply_default_css=False, js_on_load="dalil.header(element)", elem_id="dalil-header")


def lay_out_conversations(page: Page) -> None:
    """The conversations, and all that the browser keeps: outside the tabs, which Gradio makes only when opened."""
    empty = Conversation().to_json()
    actions = ["select", "rename", "delete", "delete_all", "export", "refresh"]
    tools = render_macro("conversations", "tools", labels=page.labels)
    kept = storage_prefix(page.chat.service.collection)
    page.components |= {
        "choices": gr.BrowserState({}, storage_key=f"{kept}.choices", secret=_STORAGE_SECRET),
        "saved": gr.BrowserState([], storage_key=f"{kept}.conversations", secret=_STORAGE_SECRET),
        "current": gr.BrowserState(empty, storage_key=f"{kept}.conversation", secret=_STORAGE_SECRET),
        "conversation_tools": _action_html(tools, "list", "conversation-tools", ["new"]),
        "conversations": _action_html("", "conversations", "conversation-list", actions),
    }


def lay_out_chat(page: Page) -> None:
    """The transcript, and where a question is put."""
    template = render_macro("turn", "log", labels=page.labels)
    actions = ["open", "again", "widen", "example", "rate", "edit", "pick_topic", "save_answer"]
    labels, components = page.labels, page.components
    link_note = render_macro("turn", "link_note", is_on_server=page.is_on_server, labels=labels)
    gr.HTML(link_note, elem_id="dalil-link-note", apply_default_css=False)
    components["transcript"] = _action_html({}, "transcript", "transcript", actions, html_template=template)
    components["editing"] = gr.State(None)
    with gr.Row(elem_id="dalil-asking"):
        progress = render_macro("turn", "progress_note", labels=labels)
        gr.HTML(progress, elem_id="dalil-progress", apply_default_css=False)
        components["editing_note"] = _action_html("", "list", "editing-note", ["cancel_edit"])
        with gr.Row(elem_id="dalil-scope-line"):
            components["collections"] = gr.HTML("", elem_id="dalil-collections", apply_default_css=False)
            limiting = ["drop_topic", "drop_article", "drop_dates", "set_dates"]
            components["scope"] = _action_html(Scope().render(labels), "scope", "scope", limiting)
        components["only_articles"], components["dates"] = gr.State([]), gr.State(OPEN_RANGE)
        limit = page.chat.service.assistant.settings.max_question_chars
        length = render_macro("turn", "length_note", limit=limit, labels=labels)
        gr.HTML(length, elem_id="dalil-length", apply_default_css=False)
        components["question"] = _question_box(page)
        components["ask"] = gr.Button(labels["ask"], variant="primary", elem_id="dalil-ask", scale=1)
        components["stop"] = gr.Button(labels["stop"], variant="stop", elem_id="dalil-stop", scale=1, visible=False)
    # The transcript's script puts here what a first visitor sees beneath the box.
    gr.HTML('<div class="dalil-start"></div>', elem_id="dalil-start", apply_default_css=False)


def _question_box(page: Page) -> gr.Textbox:
    return gr.Textbox(
        label=page.labels["question"],
        placeholder=page.labels["question_hint"],
        show_label=False,
        lines=1,
        max_lines=6,
        autofocus=True,
        elem_id="dalil-question",
        scale=5,
    )


def lay_out_library(page: Page) -> None:
    """Where files are dropped, and the articles."""
    labels, components = page.labels, page.components
    components["articles_of"] = gr.HTML("", elem_id="dalil-articles-of", apply_default_css=False)
    script = "dalil.files(element, trigger, upload)"
    components["files"] = gr.HTML(
        page.library.render_drop_zone(), js_on_load=script, elem_id="dalil-files", apply_default_css=False
    )
    components["read_ocr"] = gr.Checkbox(
        False, label=labels["read_ocr"], elem_id="dalil-read-ocr", visible=page.library.can_ask_for_ocr
    )
    components["plan"] = gr.HTML("", elem_id="dalil-plan", apply_default_css=False)
    components["pending"] = gr.State([], delete_callback=discard_uploads)
    with gr.Row():
        components["add"] = gr.Button(labels["add_now"], variant="primary", visible=False, elem_id="dalil-add")
        components["cancel"] = gr.Button(labels["cancel"], visible=False, elem_id="dalil-cancel")
    actions = ["open", "rename", "reread", "remove", "undo", "sort", "more", "about"]
    components["filter"] = gr.Textbox(label=labels["filter"], elem_id="dalil-filter")
    components["articles"] = _action_html("", "documents", "found", actions)
    components["order"] = gr.State(ListOrder())


def lay_out_settings(page: Page) -> None:
    """How answers are to be: what the browser keeps as `CHOICES`."""
    labels, components = page.labels, page.components
    settings = page.chat.service.assistant.settings
    languages = [(labels["auto"], "auto"), *((labels[f"language_{code}"], code) for code in LANGUAGES)]
    components["language"] = gr.Radio(
        languages, value="auto", **_describe(labels, "answer_language"), elem_id="dalil-answers"
    )
    components["passages"] = gr.Slider(
        1, _MAX_PASSAGES, settings.top_k, step=1, **_describe(labels, "passages"), elem_id="dalil-passages"
    )
    modes = [(labels["mode_auto"], "auto"), (labels["mode_extractive"], "extractive")]
    components["mode"] = gr.Radio(modes, value="auto", interactive=True, **_describe(labels, "mode"))
    # Which topics there are is known when the page is loaded.
    components["topics"] = gr.Dropdown(
        [], value=[], multiselect=True, **_describe(labels, "topics"), elem_id="dalil-topics"
    )
    components["explain"] = gr.Checkbox(False, **_describe(labels, "explain"), elem_id="dalil-explain")
    kept = render_macro(
        "elements", "text", content=labels["settings_kept"], tag="p", attributes={"class": "dalil-small"}
    )
    gr.HTML(kept, apply_default_css=False)
    if settings.is_locked:
        gr.HTML(render_macro("login", "sign_out", labels=labels), apply_default_css=False, elem_id="dalil-sign-out")


def _describe(labels: Labels, name: str) -> dict[str, Any]:
    """What a control is called, and what it does."""
    return {"label": labels[name], "info": labels[f"{name}_hint"]}


def lay_out_evidence(page: Page) -> None:
    """The evidence, and what is said about it."""
    hint = render_hint(page.labels)
    actions = ["open", "close", "right", "show_page", "about", "summarize"]
    page.components["evidence"] = _action_html(hint, "evidence", "evidence", actions)
    page.components["page_image"] = gr.HTML(
        {}, html_template="", js_on_load="dalil.pageImage(props, watch)", visible="hidden"
    )
    page.components["notice"] = gr.HTML("", elem_id="dalil-notice", apply_default_css=False)


def lay_out_download(page: Page) -> None:
    """What the browser saves as a file as soon as it is here."""
    page.components["download"] = gr.HTML(
        {}, html_template="", js_on_load="dalil.download(props, watch)", visible="hidden"
    )
