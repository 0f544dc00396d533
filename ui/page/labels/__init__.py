"""The words of the interface, one JSON file a language."""

import json
from functools import cache
from importlib import resources
from types import MappingProxyType

from rag.types import Language


@cache
def words(language: Language) -> MappingProxyType[str, str]:
    """All words of one language, by key."""
    text = resources.files(__name__).joinpath(f"{language}.json").read_text("utf-8")
    return MappingProxyType(json.loads(text))
