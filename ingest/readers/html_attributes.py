"""Elements with thousands of attributes, which would hold up the parser: it compares each with all before it."""

import re

from rag.errors import ReadError

_MAX_ATTRIBUTES = 1_000
"""Of one element: the parser takes 10 nanoseconds for each pair. Of the pages that were measured none has 100."""
_MAX_ATTRIBUTES_ANYWHERE = 20_000
"""Also of what looks like an element in a script, where nothing but its end is looked for: 4 s for the parser."""
_ATTRIBUTE = r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>]*+))?+"""
"""As the standard of HTML cuts tags: a name, and a value with quotes or without."""
_MANY, _TOO_MANY = (
    re.compile(rf"<[a-z][^\s/>]*+(?:(?:{_ATTRIBUTE}){{{count}}}(?P<many>)|(?:{_ATTRIBUTE})*+)", re.IGNORECASE)
    for count in (_MAX_ATTRIBUTES, _MAX_ATTRIBUTES_ANYWHERE)
)
"""The whole of a tag, so that no character is looked at more than twice."""
_NO_MARKUP = re.compile(
    r"<(script|style)\b.*?(?:</\1|\Z)|<!--(?:-?>|.*?(?:--!?>|\Z))",
    re.IGNORECASE | re.DOTALL,
)
"""Scripts, where `<` is seldom the beginning of an element, and comments."""


def check_attributes(text: str) -> None:
    """Raise ReadError where an element of a page has more attributes than anybody writes."""
    if _has(text, _MANY) and (_has(_NO_MARKUP.sub(" ", text), _MANY) or _has(text, _TOO_MANY)):
        raise ReadError(f"An element of it has too many attributes, more than {_MAX_ATTRIBUTES:,}.")


def _has(text: str, tags: re.Pattern[str]) -> bool:
    return any(tag["many"] is not None for tag in tags.finditer(text))
