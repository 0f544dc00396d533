"""HTML of our own making: text escaped, each block with its own direction, runs of the other script isolated."""

import html
import re

from rag.language.text import direction
from rag.types import Language

# Beside words of the other script: a file's ending (.md), and a day (2024-05-31), whose parts Arabic would turn round.
_OPPOSITE: dict[str, re.Pattern[str]] = {
    "rtl": re.compile(
        r"(?:(?<![^\s(«])\u200e?\.)?[A-Za-z](?:[A-Za-z0-9 .,:'’&+/_-]*[A-Za-z0-9+])?"
        r"|(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])"
    ),
    "ltr": re.compile(r"[\u0600-\u06ff](?:[\u0600-\u06ff\s\d«»:.!()%'’–—-]*[\u0600-\u06ff»])?"),
}


def way_of(language: Language) -> str:
    """The direction a language is written in."""
    return "rtl" if language == "ar" else "ltr"


def isolated(text: str, way: str) -> str:
    """Escaped text in which runs of the other direction are isolated, so that they cannot reorder what is around."""
    parts, at = [], 0
    for match in _OPPOSITE[way].finditer(text):
        parts += [html.escape(text[at : match.start()]), f"<bdi>{html.escape(match.group())}</bdi>"]
        at = match.end()
    return "".join([*parts, html.escape(text[at:])])


def written(text: str, tag: str = "span", **attributes: str) -> str:
    """An element that holds `text` in the text's own direction."""
    way = direction(text)
    return element(tag, isolated(text, way), dir=way, lang="ar" if way == "rtl" else "en", **attributes)


def element(tag: str, content: str = "", **attributes: str) -> str:
    """An element around HTML; attribute values are text. `cls` is the class, `data_x` and `aria_x` are hyphenated."""
    shown = "".join(f' {_name(name)}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{shown}>{content}</{tag}>"


def button(label: str, act: str, shown: str = "", **attributes: str) -> str:
    """A button that tells Python `act` with its data attributes; `shown` in place of its label as HTML, if given."""
    labelled = {"aria_label": label, "title": label} if shown else {}
    return element("button", shown or html.escape(label), type="button", data_act=act, **labelled, **attributes)


def _name(name: str) -> str:
    return "class" if name == "cls" else name.rstrip("_").replace("_", "-")
