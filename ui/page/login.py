"""Where a reader gives a key, once a browser, when the service asks for keys."""

from rag.language.languages import LANGUAGES
from ui.page.html import render_macro
from ui.page.labels import load_labels


def render_login(problem: str = "") -> str:
    """The page that asks for a key, in all languages; `problem`: the label of what is said of the last one."""
    pages = [{"language": language, "labels": load_labels(language)} for language in LANGUAGES]
    return render_macro("login", "login", pages=pages, problem=problem)
