"""The panel beside the chat: an article opened at the very words, with what can be done with them."""

import html
import re
from collections.abc import Mapping
from typing import Any

from rag.answering.assistant import Assistant
from rag.errors import NotFoundError
from rag.language.text import direction
from rag.types import Article, Span
from ui.page.answers import Words, reference
from ui.page.html import button, element, isolated, way_of, written

_AROUND = 30_000
"""Code points shown on either side of a quote; the rest of a longer article is left out."""
_BLOCKS = re.compile(r"[^\n]+")


def hint_html(words: Words) -> str:
    """What the panel says before anything is opened."""
    return element("h2", words["evidence"]) + element("p", words["evidence_hint"], cls="dalil-small")


def opened(assistant: Assistant, asked: Mapping[str, Any], words: Words) -> str:
    """The article that was asked for, its words from `start` to `end` marked; `answer` is the answer it is opened
    from."""
    try:
        article = assistant.store.article(str(asked["article"]))
    except NotFoundError:
        return hint_html(words) + element("p", words["no_articles"], role="note")
    end = min(int(asked.get("end") or 0), len(article.text))
    span = Span(min(int(asked.get("start") or 0), end), end)
    return _head(article, span, asked, words) + _body(article, span, words)


def _head(article: Article, span: Span, asked: Mapping[str, Any], words: Words) -> str:
    close = button(words["close"], "close", "✕", cls="dalil-icon dalil-close")
    about = " · ".join(filter(None, (article.date, article.topic)))
    link = ""
    if re.match(r"https?://", article.url or ""):
        link = element("a", words["original"], href=article.url or "", target="_blank", rel="noopener noreferrer")
    title = written(article.title, "h2")
    meta = element("p", (written(about) if about else "") + " " + link, cls="dalil-small")
    return (
        close
        + title
        + meta
        + (_deeds(article, span, asked, words) if span.end > span.start or asked.get("answer") else "")
    )


def _deeds(article: Article, span: Span, asked: Mapping[str, Any], words: Words) -> str:
    cited = {"article_id": article.id, "title": article.title, "url": article.url, "start": span.start, "end": span.end}
    verdict = str(asked.get("verdict") or "")
    made = element("span", words[verdict], cls="dalil-badge", data_verdict=verdict) if verdict in words else ""
    if span.end > span.start:
        quoted = reference(cited | {"quote": article.text[slice(*span)]})
        made += button(words["reference"], "copy", data_copy=quoted)
    if asked.get("answer"):
        made += button(
            words["right_passage"],
            "right",
            title=words["right_passage_hint"],
            data_article=article.id,
            data_answer=str(asked["answer"]),
            data_start=str(span.start),
            data_end=str(span.end),
        )
    return element("div", made, cls="dalil-deeds")


def _body(article: Article, span: Span, words: Words) -> str:
    """The text, block by block; each says where in the article it begins."""
    window = Span(max(0, span.start - _AROUND), min(len(article.text), span.end + _AROUND))
    blocks = [
        _block(article.text, Span(max(match.start(), window.start), min(match.end(), window.end)), span)
        for match in _BLOCKS.finditer(article.text)
        if match.end() > window.start and match.start() < window.end
    ]
    partly = "" if window == (0, len(article.text)) else element("p", words["part_of_article"], cls="dalil-small")
    return partly + element(
        "div", "".join(blocks), cls="dalil-text", dir=way_of(article.language), lang=article.language
    )


def _block(text: str, block: Span, marked: Span) -> str:
    way = direction(text[slice(*block)])
    start, end = (min(max(at, block.start), block.end) for at in marked)
    before, inside, after = text[block.start : start], text[start:end], text[end : block.end]
    shown = isolated(before, way) + (element("mark", html.escape(inside)) if inside else "") + isolated(after, way)
    return element("p", shown, dir=way, data_start=str(block.start))
