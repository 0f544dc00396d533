"""The words given to a model: one Markdown file per language and purpose, `prompts/<language>/<purpose>.md`."""

from functools import cache
from hashlib import blake2b
from importlib import resources
from string import Template


def render(language: str, purpose: str, **values: str) -> str:
    """A prompt with its `$names` filled in; raises KeyError when one is missing, never leaves a name in the text."""
    return Template(_text(language, purpose)).substitute(values)


@cache
def fingerprint(language: str) -> str:
    """A hash of all prompts of a language: which words an answer was asked for with."""
    files = sorted(file.name for file in resources.files(__name__).joinpath(language).iterdir())
    texts = (_text(language, name.removesuffix(".md")) for name in files)
    return blake2b("\0".join(texts).encode(), digest_size=6).hexdigest()


@cache
def _text(language: str, purpose: str) -> str:
    return resources.files(__name__).joinpath(language, f"{purpose}.md").read_text("utf-8")
