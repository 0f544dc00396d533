"""The page: a Gradio chat over the assistant, mounted on the API."""

import html
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from rag.assistant import Assistant
from rag.citation import MARKER
from rag.errors import DalilError, InputError
from rag.service import Inbox, Keys, Work, create_app
from rag.settings import Settings
from rag.text import direction
from rag.types import Answer, Citation, Language, Turn

_HERE = Path(__file__).parent

EXAMPLES = [
    "كم عدد المعالجات الرسومية التي دُرِّب عليها Llama 3؟",
    "ما اسم أول عنقود فائق لشركة ميتا؟",
    "متى وصل قطار الحجاز إلى المدينة المنورة؟",
    "How many stadiums hosted the 2022 World Cup in Qatar?",
    "How much did Meta invest in Scale AI?",
    "Who built the first railway on Mars?",
]
_NUMBER = re.compile(r"\d+")
_OPPOSITE: dict[str, re.Pattern[str]] = {
    "rtl": re.compile(r"[A-Za-z][A-Za-z0-9 .,'’&+/_-]*[A-Za-z0-9+]|[A-Za-z]"),
    "ltr": re.compile(r"[\u0600-\u06ff][\u0600-\u06ff\s«»،؛؟]*[\u0600-\u06ff»؟]|[\u0600-\u06ff]"),
}
_CITE_LABEL: dict[Language, str] = {"ar": "افتح المصدر {number}: {title}", "en": "Open source {number}: {title}"}
_DEGRADED: dict[Language, str] = {
    "ar": "لم يستجب النموذج اللغوي، وهذه جمل المقالات نفسها.",
    "en": "The language model did not answer; these are the articles' own sentences.",
}
_FAILED: dict[Language, str] = {"ar": "تعذّرت الإجابة", "en": "This could not be answered"}


def answer_html(answer: Answer) -> str:
    """An answer as HTML of our own making: one element a block, each with its own direction, all text escaped."""
    way = _dir(answer.language)
    if answer.refused:
        return f'<div class="dalil-block dalil-refusal" role="note" dir="{way}">{_isolated(answer.text, way)}</div>'
    by_number = {citation.number: citation for citation in answer.citations}
    blocks = [_block_html(block, by_number, answer.language) for block in answer.text.split("\n\n")]
    if answer.degraded:
        blocks.append(f'<div class="dalil-block dalil-note" dir="{way}">{_DEGRADED[answer.language]}</div>')
    return "".join(blocks)


def _dir(language: Language) -> str:
    return "rtl" if language == "ar" else "ltr"


def _block_html(block: str, by_number: dict[int, Citation], language: Language) -> str:
    quoted = block.startswith("«")
    way = direction(MARKER.sub("", block)) if quoted else _dir(language)
    kind = "dalil-quote" if quoted else "dalil-block"
    parts, at = [], 0
    for match in MARKER.finditer(block):
        numbers = [int(number) for number in _NUMBER.findall(match.group())]
        if all(number in by_number for number in numbers):
            parts.append(_isolated(block[at : match.start()], way))
            parts += [_chip_html(by_number[number], language) for number in numbers]
            at = match.end()
    parts.append(_isolated(block[at:], way))
    return f'<div class="{kind}" dir="{way}">{"".join(parts)}</div>'


def _isolated(text: str, way: str) -> str:
    """Escaped text in which runs of the other direction are isolated, so that they cannot reorder what is around."""
    parts, at = [], 0
    for match in _OPPOSITE[way].finditer(text):
        parts += [html.escape(text[at : match.start()]), f"<bdi>{html.escape(match.group())}</bdi>"]
        at = match.end()
    return "".join([*parts, html.escape(text[at:])])


def _chip_html(citation: Citation, language: Language) -> str:
    label = _CITE_LABEL[language].format(number=citation.number, title=citation.title)
    data = {
        "article": citation.article_id,
        "start": citation.start,
        "end": citation.end,
        "verdict": citation.verdict,
        "language": language,
    }
    attributes = {f"data-{name}": str(value) for name, value in data.items()} | {"title": label, "aria-label": label}
    shown = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
    return f'<button type="button" class="dalil-cite" {shown}>{citation.number}</button>'


def question_html(question: str) -> str:
    """A question as the chat shows it."""
    way = direction(question)
    return f'<div class="dalil-block" dir="{way}">{_isolated(question, way)}</div>'


_HINTS = {
    "ar": "اضغط رقم مصدر ليُفتح المقال هنا.",
    "en": "Press a source's number to open the article here.",
}


def build_page(assistant: Assistant) -> Any:
    """The Gradio page. Gradio is imported here: it takes seconds, and no other command needs it."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio

    def respond(question: str, shown: list[Any], turns: list[Turn], language: str) -> Iterator[tuple[Any, ...]]:
        shown = [*shown, {"role": "user", "content": gradio.HTML(question_html(question))}]
        yield "", shown, turns
        try:
            chosen: Language | None = {"ar": "ar", "en": "en"}.get(language)  # type: ignore[assignment]
            answer = assistant.ask(question, chosen, turns)
            content = answer_html(answer)
            turns = [*turns, Turn("user", question), Turn("assistant", answer.text)]
        except DalilError as error:
            way = direction(question)
            said = _FAILED["ar" if way == "rtl" else "en"]
            content = (
                f'<div class="dalil-block dalil-refusal" dir="{way}">{said}: <bdi>{html.escape(str(error))}</bdi></div>'
            )
        yield "", [*shown, {"role": "assistant", "content": gradio.HTML(content)}], turns

    with gradio.Blocks(title="Dalil · دليل", analytics_enabled=False, fill_width=True) as page:
        gradio.HTML('<h1 class="dalil-title">Dalil · <span lang="ar" dir="rtl">دليل</span></h1>')
        turns = gradio.State([])
        with gradio.Row():
            with gradio.Column(scale=3):
                chat = gradio.Chatbot(
                    label="Dalil", height="60vh", buttons=[], feedback_options=None, group_consecutive_messages=False
                )
                with gradio.Row():
                    box = gradio.Textbox(
                        placeholder="اسأل بالعربية أو الإنجليزية · Ask in Arabic or English",
                        show_label=False,
                        scale=5,
                        autofocus=True,
                        elem_id="dalil-question",
                        max_length=assistant.settings.max_question_chars,
                    )
                    send = gradio.Button("اسأل · Ask", variant="primary", scale=1, elem_id="dalil-ask")
                language = gradio.Radio(
                    [("auto · تلقائي", "auto"), ("العربية", "ar"), ("English", "en")],
                    value="auto",
                    label="Answer in · لغة الجواب",
                )
                gradio.Examples(EXAMPLES, box, label="Examples · أمثلة")
            with gradio.Column(scale=2):
                hints = "".join(f'<p lang="{way}" dir="auto">{hint}</p>' for way, hint in _HINTS.items())
                gradio.HTML(f'<aside id="dalil-article" tabindex="-1" aria-live="polite">{hints}</aside>')
        for trigger in (send.click, box.submit):
            trigger(respond, [box, chat, turns, language], [box, chat, turns], api_visibility="private")
    return page


def create_site(assistant: Assistant, inbox: Inbox | None = None) -> FastAPI:
    """The API with the page at its root."""
    app = create_app(assistant, inbox)
    page = build_page(assistant)
    import gradio

    keys = Keys(assistant.settings.keys)
    # Where the API asks for a key, so does the page: any name, and a key as the password.
    auth = (lambda _, password: keys.hold(password.encode())) if keys else None
    files = {"css_paths": _HERE / "page.css", "js": (_HERE / "page.js").read_text("utf-8")}
    site: FastAPI = gradio.mount_gradio_app(
        app, page, path="/", auth=auth, footer_links=[], show_error=False, allowed_paths=[], ssr_mode=False, **files
    )
    return site


_PATIENCE_S, _GRACE_S = 4.0, 8
"""After a signal: how long answers may still wait for a model, and how long anything may take."""


class _Server(uvicorn.Server):
    """Says where it is once it answers; at its end lets nobody wait for a model for long."""

    def __init__(self, config: uvicorn.Config, work: Work) -> None:
        super().__init__(config)
        self._work = work

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        patience = threading.Timer(_PATIENCE_S, self._work.end)
        patience.start()
        try:
            await super().shutdown(sockets)
        finally:
            patience.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"Dalil answers at http://{self.config.host}:{self.config.port}  (Ctrl-C ends it)", flush=True)


def serve(settings: Settings, inbox_of: Callable[[Assistant], Inbox]) -> None:
    """Serve the API and the page until Ctrl-C or SIGTERM; raises InputError when the address is taken."""
    try:
        listening = socket.create_server((settings.host, settings.port))
    except OSError as error:
        raise InputError(
            f"Nothing can listen on {settings.host}:{settings.port} ({error.strerror}). "
            "Choose another with --port, or end what holds it."
        ) from None
    # Several people ask at once: a thread each answers a third more of them than all cores for each in turn.
    settings = settings.model_copy(update={"threads": settings.threads or 1})
    with listening, Assistant.from_settings(settings) as assistant:
        site = create_site(assistant, inbox_of(assistant))
        config = uvicorn.Config(
            site,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_S,
        )
        # uvicorn raises the signal again when it has ended: as an exception, so that the index is closed.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            _Server(config, site.state.work).run([listening])
        except KeyboardInterrupt:
            print("Dalil has ended.", file=sys.stderr)
