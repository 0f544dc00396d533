"""HTML from templates: every text escaped, each block with its own direction, runs of the other script isolated."""

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from rag.addresses import web_address
from rag.answering.references import SECTION_SEPARATOR, format_page
from rag.language.direction import direction, find_embedded_runs
from rag.language.languages import LANGUAGES, PROFILES
from rag.language.profile import Direction
from rag.types import Language
from ui.page.addresses import article_address

_TEMPLATES = Path(__file__).parent / "templates"


def render_macro(template: str, macro: str, **values: Any) -> str:
    """The HTML of one macro of a template.

    Parameters
    ----------
    template : str
        File name without its suffix, in `ui/page/templates`.
    macro : str
        Its name.
    **values
        Its arguments; texts are escaped, `Markup` is not.
    """
    module: Any = _environment().get_template(f"{template}.html").module
    return str(getattr(module, macro)(**values))


def isolate(text: str, outer: Direction) -> Markup:
    """Escaped text in which runs of the other direction are isolated, so that they cannot reorder what is around."""
    parts, at = [], 0
    for span in find_embedded_runs(text, outer):
        parts += [escape(text[at : span.start]), Markup("<bdi>{}</bdi>").format(text[slice(*span)])]
        at = span.end
    return Markup("").join([*parts, escape(text[at:])])


def direction_of(language: Language) -> Direction:
    """The direction in which a language is written."""
    return PROFILES[language].direction


def language_of_direction(of_text: Direction) -> Language:
    """The language whose script runs in a direction, for a screen reader."""
    return next(language for language in LANGUAGES if direction_of(language) == of_text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["isolate"] = isolate
    environment.filters["direction"] = direction
    environment.filters["tojson_text"] = partial(json.dumps, ensure_ascii=False)  # still to be escaped
    environment.filters["web_address"] = web_address
    environment.filters["page_name"] = format_page
    environment.globals["section_separator"] = SECTION_SEPARATOR
    environment.globals["article_address"] = article_address
    environment.globals["direction_of"] = direction_of
    environment.globals["language_of_direction"] = language_of_direction
    return environment
