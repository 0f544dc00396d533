"""The words of the interface, one JSON file a language."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from rag.types import Language

Labels = Mapping[str, str]
"""Words of the interface in one language, by key."""


@cache
def load_labels(language: Language) -> Labels:
    """All words of one language."""
    text = resources.files(__name__).joinpath(f"{language}.json").read_text("utf-8")
    return MappingProxyType(json.loads(text))
