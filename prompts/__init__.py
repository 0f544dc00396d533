"""What is said to a language model, and what is said to a reader, per language.

`prompts/<language>/<name>.md` is one prompt for a model, `prompts/<language>/messages.json` holds the sentences that a
reader sees.
"""

import json
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib import resources
from string import Template

_PROMPT_SUFFIX = ".md"


def render_prompt(language: str, name: str, **values: str) -> str:
    """Fill in a prompt for a model.

    Parameters
    ----------
    language : str
        Code of the language it is written in.
    name : str
        File name without its suffix.
    **values : str
        What stands in place of each `$name`.

    Raises
    ------
    KeyError
        When a value is missing; a name is never left in the text.
    """
    return Template(_read(language, f"{name}{_PROMPT_SUFFIX}")).substitute(values)


@cache
def prompt_fingerprint(language: str) -> str:
    """A hash of all prompts of a language, 12 hexadecimal digits: the words that a model was asked with."""
    files = resources.files(__name__).joinpath(language).iterdir()
    names = sorted(file.name for file in files if file.name.endswith(_PROMPT_SUFFIX))
    return blake2b("\0".join(_read(language, name) for name in names).encode(), digest_size=6).hexdigest()


def reader_message(language: str, key: str, **values: str) -> str:
    """A sentence for a reader, with what stands in place of each `{name}`.

    Raises
    ------
    KeyError
        When there is no such sentence, or a value is missing.
    """
    return _messages(language)[key].format(**values)


@cache
def _messages(language: str) -> Mapping[str, str]:
    messages: dict[str, str] = json.loads(_read(language, "messages.json"))
    return messages


@cache
def _read(language: str, name: str) -> str:
    return resources.files(__name__).joinpath(language, name).read_text("utf-8")
