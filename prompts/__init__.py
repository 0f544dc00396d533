"""The words given to a model: one Markdown file per language and purpose, `prompts/<language>/<purpose>.md`."""

from importlib import resources
from string import Template


def render(language: str, purpose: str, **values: str) -> str:
    """A prompt with its `$names` filled in; raises KeyError when one is missing, never leaves a name in the text."""
    text = resources.files(__name__).joinpath(language, f"{purpose}.md").read_text("utf-8")
    return Template(text).substitute(values)
