"""An answer with its evidence as a file that the browser saves."""

import re
from base64 import b64encode

from ui.page.labels import Labels
from ui.page.storage import Turn
from ui.page.turns import to_markdown
from ui.page.word import to_word

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_MAX_NAME_CHARS = 60


def export_answer(turn: Turn, form: str, labels: Labels) -> dict[str, str]:
    """The file: its name and kind, and its content as `text` or, where it is none, as `base64`.

    Parameters
    ----------
    turn : Turn
        A question with its answer.
    form : str
        `docx` for Word, else Markdown.
    labels : Labels
        Of the interface, for the headings.
    """
    name = re.sub(r"[^\w-]+", "-", turn.question)[:_MAX_NAME_CHARS].strip("-") or "dalil"
    if form == "docx":
        return {"name": f"{name}.docx", "kind": _WORD, "base64": b64encode(to_word(turn, labels)).decode()}
    return {"name": f"{name}.md", "kind": "text/markdown", "text": to_markdown([turn])}
