"""Why something is not, or otherwise, read: English for programs, with a code, and in the language of whoever reads it.

The sentences stand beside this module, one JSON file a language.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Self

from rag.errors import ReadError
from rag.language.controls import isolate_text
from rag.language.languages import PROGRAM_LANGUAGE
from rag.types import Language


class Reason(str):
    """A reason in English, which is what it is as text.

    Attributes
    ----------
    code : str
        Names the sentence, the same in every version.
    values : mapping of str to Any
        What stands in it: texts of the file, numbers, other reasons.
    """

    code: str
    values: Mapping[str, Any]

    def __new__(cls, text: str, code: str = "", values: Mapping[str, Any] | None = None) -> Self:
        """A reason that was filled in already."""
        made = super().__new__(cls, text)
        made.code, made.values = code, {} if values is None else values
        return made


def reason(code: str, **values: Any) -> Reason:
    """A reason of that code; raises KeyError when there is none, or a value is missing."""
    return Reason(_sentences(PROGRAM_LANGUAGE)[code].format(**values), code, values)


def reason_of(error: ReadError) -> str:
    """What an error says, with its code where it has one."""
    said = error.args[0] if error.args else ""
    return said if isinstance(said, str) else str(error)


def code_of(text: str) -> str:
    """The code of a reason; empty where it has none."""
    return text.code if isinstance(text, Reason) else ""


def tell_reason(text: str, language: Language) -> str:
    """A reason in a language, its texts isolated so that they turn nothing beside them; as it is where it has no
    code."""
    if not isinstance(text, Reason) or not text.code:
        return text
    return _sentences(language)[text.code].format(
        **{name: _tell_value(value, language) for name, value in text.values.items()}
    )


@cache
def _sentences(language: Language) -> Mapping[str, str]:
    """By code, with `{name}` for each value."""
    sentences: dict[str, str] = json.loads(resources.files(__name__).joinpath(f"{language}.json").read_text("utf-8"))
    return sentences


def _tell_value(value: Any, language: Language) -> Any:
    if isinstance(value, Reason):
        return tell_reason(value, language)
    return isolate_text(value) if isinstance(value, str) else value
