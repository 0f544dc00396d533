"""The collections that a reader of the page may choose from: each has a page of its own, which reaches nothing else."""

from typing import NamedTuple

from rag.settings import DEFAULT_COLLECTION
from rag.types import Language
from ui.api import AnswerService, Caller, find_reachable
from ui.page.html import render_macro
from ui.page.labels import Labels, load_labels


class _Choice(NamedTuple):
    name: str
    address: str
    is_open: bool


def render_collections(service: AnswerService, caller: Caller | None, language: Language) -> str:
    """The menu of the collections that a caller may read, as HTML; empty where there is no choice.

    Parameters
    ----------
    service : AnswerService
        That of the page's own collection.
    caller : Caller or None
        None where everybody is let in.
    language : Language
        Of the interface.
    """
    names = list(find_reachable(service.default, caller))
    if len(names) < 2:
        return ""
    labels, own = load_labels(language), service.collection
    choices = [_Choice(_label_of(name, labels), _page_address(own, name, language), name == own) for name in names]
    return render_macro("scope", "collections", choices=choices, opened=_label_of(own, labels), labels=labels)


def render_articles_of(menu: str, language: Language) -> str:
    """The menu of `render_collections` above the list of articles, which says whose they are; empty where it is."""
    return render_macro("scope", "articles_of", menu=menu, labels=load_labels(language)) if menu else ""


def find_entrance(service: AnswerService, caller: Caller | None, language: Language) -> str | None:
    """The address, from the entrance of a collection's site, of the page that a caller begins with; None where there is
    none for them."""
    names = list(find_reachable(service.default, caller))
    if not names:
        return None
    if service.collection in names:
        return f"{language}/"
    return "../" * (_path_below_root(service.collection, language).count("/") - 1) + _path_below_root(
        names[0], language
    )


def storage_prefix(collection: str) -> str:
    """How the names begin of what a browser keeps of a collection's page."""
    return "dalil" if collection == DEFAULT_COLLECTION else f"dalil.{collection}"


def _page_address(own: str, other: str, language: Language) -> str:
    """Where the page of a collection is, seen from that of one's own."""
    up = "../" * _path_below_root(own, language).count("/")
    return up + _path_below_root(other, language)


def _path_below_root(name: str, language: Language) -> str:
    return f"{language}/" if name == DEFAULT_COLLECTION else f"collections/{name}/{language}/"


def _label_of(name: str, labels: Labels) -> str:
    return labels["collection_default"] if name == DEFAULT_COLLECTION else name
