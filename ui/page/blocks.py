"""The Gradio Blocks of the page in one interface language: its components, and the events that connect them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from rag.service import Inbox, Work
from rag.types import Language
from ui.page import evidence, talks
from ui.page.answers import Words
from ui.page.chat import Chat, Talk, new_talk
from ui.page.html import button, element
from ui.page.library import SUFFIXES, Library, Upload
from ui.page.welcome import Examples
from ui.page.words import words as words_of

_OTHER: dict[Language, Language] = {"ar": "en", "en": "ar"}
_SECRET = "dalil"
"""Gradio wants one to scramble what the browser keeps; the browser's owner may read it."""
_STAY_S = 10.0
"""How soon it is noticed that a tab has gone."""
_HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


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


def build(work: Work, inbox: Inbox | None, examples: Examples, language: Language) -> Any:
    """The page in one interface language, as Gradio Blocks."""
    words = words_of(language)
    page = Page(Chat(work, words, examples), Library(work, inbox, words), words)
    with gr.Blocks(title=words["title"], analytics_enabled=False, fill_width=True) as blocks:
        _header(page, language)
        with gr.Row(elem_id="dalil-page", equal_height=False):
            with gr.Column(elem_id="dalil-talks"):
                _talks(page)
            with gr.Column(elem_id="dalil-middle"), gr.Tabs():
                with gr.Tab(words["chat"], elem_id="dalil-chat"):
                    _chat(page)
                with gr.Tab(words["articles"], elem_id="dalil-library"):
                    _library(page)
                with gr.Tab(words["settings"], elem_id="dalil-settings"):
                    _settings(page)
            with gr.Column(elem_id="dalil-side"):
                page.part["evidence"] = _acting(evidence.hint_html(words), "evidence", ["open", "close", "right"])
                page.part["said"] = gr.HTML("", elem_id="dalil-said")
        page.part["outbox"] = gr.HTML({}, html_template="", js_on_load="dalil.outbox(props, watch)", visible="hidden")
        _connect_chat(page)
        _connect_talks(page)
        _connect_evidence(page)
        _connect_library(page)
        _connect_settings(page, blocks)
    return blocks


def _acting(value: Any, kind: str, acts: list[str], **more: Any) -> gr.HTML:
    """HTML whose buttons tell Python what was pressed: each of `acts` is an event of it."""
    script = f"dalil.{kind}(element, props, watch, trigger, {acts})"
    return gr.HTML(value, js_on_load=script, elem_id=f"dalil-{kind}", apply_default_css=False, **more)


def _header(page: Page, language: Language) -> None:
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


def _talks(page: Page) -> None:
    # Outside the tabs, which Gradio makes only when they are opened.
    page.part["choices"] = gr.BrowserState({}, storage_key="dalil.choices", secret=_SECRET)
    page.part["saved"] = gr.BrowserState([], storage_key="dalil.conversations", secret=_SECRET)
    page.part["talk"] = gr.BrowserState(new_talk(), storage_key="dalil.conversation", secret=_SECRET)
    page.part["talks"] = _acting("", "list", ["talk", "new", "rename", "delete", "export"])


def _chat(page: Page) -> None:
    words = page.words
    template = '<div class="dalil-log"></div><div class="sr-only" role="status"></div>'
    acts = ["open", "again", "example", "rate", "edit"]
    page.part["transcript"] = _acting({}, "transcript", acts, html_template=template)
    page.part["editing"] = gr.State(None)
    with gr.Row(elem_id="dalil-asking"):
        page.part["box"] = gr.Textbox(
            label=words["question"],
            placeholder=words["question_hint"],
            show_label=False,
            lines=1,
            max_lines=6,
            autofocus=True,
            elem_id="dalil-question",
            max_length=page.chat.work.assistant.settings.max_question_chars,
            scale=5,
        )
        page.part["ask"] = gr.Button(words["ask"], variant="primary", elem_id="dalil-ask", scale=1)
        page.part["stop"] = gr.Button(words["stop"], variant="stop", elem_id="dalil-stop", scale=1, visible=False)


def _library(page: Page) -> None:
    words = page.words
    if page.library.inbox is not None:
        page.part["files"] = gr.File(
            label=f"{words['add']} — {words['add_hint']}",
            file_count="multiple",
            file_types=list(SUFFIXES),
            height=130,
            elem_id="dalil-files",
        )
        page.part["plan"] = gr.HTML("", elem_id="dalil-plan")
        page.part["pending"] = gr.State([])
        with gr.Row():
            page.part["add"] = gr.Button(words["add_now"], variant="primary", visible=False, elem_id="dalil-add")
            page.part["cancel"] = gr.Button(words["cancel"], visible=False, elem_id="dalil-cancel")
    page.part["filter"] = gr.Textbox(label=words["filter"], elem_id="dalil-filter")
    page.part["articles"] = _acting("", "list", ["open", "remove", "undo"])


def _settings(page: Page) -> None:
    words, settings = page.words, page.chat.work.assistant.settings
    languages = [(words["auto"], "auto"), (words["arabic"], "ar"), (words["english"], "en")]
    page.part["language"] = gr.Radio(languages, value="auto", label=words["answer_language"], elem_id="dalil-answers")
    page.part["passages"] = gr.Slider(1, 20, settings.top_k, step=1, label=words["passages"], elem_id="dalil-passages")
    modes = [(words["mode_auto"], "auto"), (words["mode_extractive"], "extractive")]
    page.part["mode"] = gr.Radio(modes, value="auto", label=words["mode"], interactive=True)
    page.part["explain"] = gr.Checkbox(False, label=words["explain"], elem_id="dalil-explain")
    gr.HTML(element("p", words["settings_kept"], cls="dalil-small"))


_CHOICES = ("language", "passages", "mode", "explain")


def _connect_chat(page: Page) -> None:
    chat = page.chat
    state = page.parts("talk", *_CHOICES)
    shown = page.parts("transcript", "talk", "box", "editing", "ask", "stop")

    def answer(question: str, talk: Talk, chosen: tuple[Any, ...], request: gr.Request) -> Iterator[tuple[Any, ...]]:
        busy = gr.update(visible=False), gr.update(visible=True)
        choices = dict(zip(_CHOICES, chosen, strict=True))
        for picture, done in chat.ask(question, talk, choices, str(request.session_hash)):
            if done is None:
                yield picture, gr.skip(), "", None, *busy
            else:
                yield picture, done, gr.skip(), None, gr.update(visible=True), gr.update(visible=False)

    def from_box(
        request: gr.Request, question: str, editing: int | None, talk: Talk, *chosen: Any
    ) -> Iterator[tuple[Any, ...]]:
        if question.strip():
            before = talk["turns"] if editing is None else talk["turns"][:editing]
            yield from answer(question.strip(), talk | {"turns": before}, chosen, request)
        else:
            yield (gr.skip(),) * len(shown)

    def again(event: gr.EventData, request: gr.Request, talk: Talk, *chosen: Any) -> Iterator[tuple[Any, ...]]:
        at, turns = int(event._data["turn"]), talk["turns"]
        before = turns[:at] if at == len(turns) - 1 else turns
        yield from answer(turns[at]["question"], talk | {"turns": before}, chosen, request)

    def example(event: gr.EventData, request: gr.Request, talk: Talk, *chosen: Any) -> Iterator[tuple[Any, ...]]:
        yield from answer(str(event._data["question"]), talk, chosen, request)

    def edit(event: gr.EventData, talk: Talk) -> tuple[Any, ...]:
        at = int(event._data["turn"])
        return talk["turns"][at]["question"], at

    def rate(event: gr.EventData, talk: Talk) -> tuple[Any, ...]:
        rated = chat.rated(talk, event._data)
        return chat.picture(rated, state=page.words["thanks"]), rated

    def stop(request: gr.Request) -> None:
        chat.stop(str(request.session_hash))

    transcript = page.part["transcript"]
    many: dict[str, Any] = _HIDDEN | {"concurrency_limit": None}
    asking = [
        page.part["ask"].click(from_box, page.parts("box", "editing") + state, shown, **many),
        page.part["box"].submit(from_box, page.parts("box", "editing") + state, shown, **many),
        transcript.again(again, state, shown, **many),
        transcript.example(example, state, shown, **many),
        transcript.rate(rate, page.parts("talk"), page.parts("transcript", "talk"), trigger_mode="multiple", **_HIDDEN),
    ]
    for asked in asking:
        asked.then(_saving(page), page.parts("saved", "talk"), page.parts("saved", "talks"), **_HIDDEN)
    transcript.edit(edit, page.parts("talk"), page.parts("box", "editing"), js=None, **_HIDDEN)
    page.part["stop"].click(stop, None, None, **many)


def _saving(page: Page) -> Callable[[list[Talk], Talk], tuple[Any, ...]]:
    def save(saved: list[Talk], talk: Talk) -> tuple[Any, ...]:
        kept = talks.with_talk(saved, talk)
        return kept, talks.listed(kept, talk, page.words)

    return save


def _connect_talks(page: Page) -> None:
    def change(event: gr.EventData, saved: list[Talk], talk: Talk) -> tuple[Any, ...]:
        kept, opened = talks.changed(saved, talk, event._data)
        return kept, opened, page.chat.picture(opened), talks.listed(kept, opened, page.words), None

    def export(event: gr.EventData, talk: Talk) -> dict[str, str]:
        return talks.exported(talk, event._data["form"], page.words)

    state = page.parts("saved", "talk")
    for happened in (getattr(page.part["talks"], act) for act in ("talk", "new", "rename", "delete")):
        happened(change, state, state + page.parts("transcript", "talks", "editing"), **_HIDDEN)
    page.part["talks"].export(export, page.parts("talk"), page.parts("outbox"), **_HIDDEN)


def _connect_evidence(page: Page) -> None:
    def opened(event: gr.EventData) -> tuple[str, str]:
        return evidence.opened(page.chat.work.assistant, event._data, page.words), ""

    def right(event: gr.EventData) -> str:
        return element("p", page.chat.right_passage(event._data), role="status", cls="dalil-note")

    panel = page.parts("evidence", "said")
    for name in ("transcript", "articles"):
        page.part[name].open(opened, None, panel, trigger_mode="multiple", **_HIDDEN)
    page.part["evidence"].close(lambda: (evidence.hint_html(page.words), ""), None, panel, **_HIDDEN)
    page.part["evidence"].right(right, None, page.parts("said"), **_HIDDEN)


def _connect_library(page: Page) -> None:
    library, articles = page.library, page.part["articles"]

    def remove(event: gr.EventData, wanted: str) -> str:
        return library.listed(wanted, library.removed(str(event._data["article"])))

    def undo(event: gr.EventData, wanted: str) -> str:
        return library.listed(wanted, library.put_back(str(event._data["article"])))

    def plan(files: list[str]) -> tuple[Any, ...]:
        planned, fresh = library.plan([_taken(Path(file)) for file in files])
        ready = gr.update(visible=bool(fresh))
        return None, planned, fresh, ready, gr.update(visible=bool(planned))

    def add(pending: list[Upload], wanted: str) -> Iterator[tuple[Any, ...]]:
        gone = gr.update(visible=False)
        for shown in library.added([Upload(*upload) for upload in pending]):
            yield shown, [], gone, gone, gr.skip()
        yield gr.skip(), [], gone, gone, library.listed(wanted)

    wanted = page.parts("filter")
    page.part["filter"].change(library.listed, wanted, [articles], trigger_mode="always_last", **_HIDDEN)
    articles.remove(remove, wanted, [articles], **_HIDDEN)
    articles.undo(undo, wanted, [articles], **_HIDDEN)
    if library.inbox is None:
        return
    buttons = page.parts("add", "cancel")
    page.part["files"].upload(plan, page.parts("files"), page.parts("files", "plan", "pending") + buttons, **_HIDDEN)
    page.part["add"].click(
        add, page.parts("pending", "filter"), page.parts("plan", "pending") + buttons + [articles], **_HIDDEN
    )
    gone = gr.update(visible=False)
    page.part["cancel"].click(lambda: ("", [], gone, gone), None, page.parts("plan", "pending") + buttons, **_HIDDEN)


def _taken(file: Path) -> Upload:
    """A dropped file's name and content; Gradio's copy of it is removed."""
    upload = Upload(file.name, file.read_bytes())
    file.unlink(missing_ok=True)
    return upload


def _connect_settings(page: Page, blocks: gr.Blocks) -> None:
    chosen = page.parts(*_CHOICES)

    def keep(*values: Any) -> dict[str, Any]:
        return dict(zip(_CHOICES, values, strict=True))

    def restore(saved: list[Talk], talk: Talk, choices: dict[str, Any]) -> tuple[Any, ...]:
        restored = [choices.get(name, gr.skip()) for name in _CHOICES]
        listed = talks.listed(saved, talk, page.words)
        return page.chat.picture(talk), listed, page.library.listed(""), talk, *restored

    shown = page.parts("transcript", "talks", "articles", "talk") + chosen
    blocks.load(restore, page.parts("saved", "talk", "choices"), shown, **_HIDDEN)
    gr.on([part.change for part in chosen], keep, chosen, page.parts("choices"), **_HIDDEN)

    async def stay() -> AsyncIterator[None]:
        # Gradio ends its stream of answers when nothing is pending, and loses what is pressed at that very moment:
        # something is always pending.
        while True:
            yield
            await asyncio.sleep(_STAY_S)

    blocks.load(stay, None, None, concurrency_limit=None, **_HIDDEN)

    def leave(request: gr.Request) -> None:
        page.chat.stop(str(request.session_hash))

    blocks.unload(leave)
