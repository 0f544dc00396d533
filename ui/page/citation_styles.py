"""A citation as reference managers and documents take it: as a line of text, as BibTeX and as RIS."""

import re
from typing import NamedTuple

import rispy

from rag.addresses import web_address
from rag.types import Citation, Language
from ui.page.turns import format_reference

_BIBTEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{mark: f"\\{mark}" for mark in "&%$#_"},
}
"""What TeX takes for a command, and how it prints it."""
_IN_ADDRESS = {"{": "%7B", "}": "%7D", "\\": "%5C"}
"""An address stands as it is between braces; only what would end them is written otherwise."""
_YEAR = re.compile(r"\d{4}")
_KEY = re.compile(r"[^\w:-]+")


class ArticleDetails(NamedTuple):
    """What a reference says of an article beside its citation: its date and topic, as its writer gave them."""

    date: str | None = None
    topic: str | None = None


def format_styles(citation: Citation, about: ArticleDetails, language: Language) -> dict[str, str]:
    """A citation in each style, by its name: `plain`, `bibtex` and `ris`."""
    return {
        "plain": format_reference(citation, language),
        "bibtex": format_bibtex(citation, about),
        "ris": format_ris(citation, about),
    }


def format_bibtex(citation: Citation, about: ArticleDetails) -> str:
    """A citation as an entry of BibTeX, in UTF-8, its quote as the note."""
    page = citation.page
    fields = {
        "title": _escape(citation.title),
        "year": _year_of(about),
        "date": _escape(about.date or ""),
        "pages": _escape((page.label or str(page.number)) if page else ""),
        "chapter": _escape(" / ".join(citation.section)),
        "keywords": _escape(about.topic or ""),
        "url": "".join(_IN_ADDRESS.get(letter, letter) for letter in web_address(citation.url) or ""),
        "note": f"«{_escape(_one_line(citation.quote))}»",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    key = _KEY.sub("-", citation.article_id).strip("-") or "article"
    return "\n".join([f"@misc{{{key},", *lines, "}"]) + "\n"


def format_ris(citation: Citation, about: ArticleDetails) -> str:
    """A citation as a record of RIS, its quote as the note."""
    page, address = citation.page, web_address(citation.url)
    record = {
        "type_of_reference": "GEN",
        "id": citation.article_id,
        "title": citation.title,
        "year": _year_of(about),
        "date": about.date,
        "start_page": (page.label or str(page.number)) if page else None,
        "section": " / ".join(citation.section),
        "keywords": [about.topic] if about.topic else None,
        "urls": [address] if address else None,
        "notes": [f"«{_one_line(citation.quote)}»"],
    }
    lines: str = rispy.dumps([{name: value for name, value in record.items() if value}])
    return lines.partition("\n")[2]  # without the number of the record, which no other program needs


def _year_of(about: ArticleDetails) -> str:
    """The year of an ISO date; none of another one, which may be of another calendar."""
    match = _YEAR.match(about.date or "")
    return match.group() if match else ""


def _escape(text: str) -> str:
    return "".join(_BIBTEX_SPECIAL.get(letter, letter) for letter in _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())
