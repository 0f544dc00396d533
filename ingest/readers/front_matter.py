"""What stands before a Markdown text between two lines: YAML, TOML or JSON.

A text may begin with a rule of hyphens, so what stands between two of them is front matter only where it has keys that
writers of articles use. It is read line by line where it is not quite YAML or TOML, and nothing of it is lost: what is
no front matter stays in the text.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import yaml

from ingest.readers.metadata import FIELD_NAMES
from ingest.reasons import reason

_YAML, _TOML = "---", "+++"
_ENDS = {_YAML: ("---", "..."), _TOML: ("+++",)}
_MAX_CHARS = 100_000
"""Room for more than anyone writes; YAML takes 15 microseconds a character."""
_KNOWN_KEYS = FIELD_NAMES | set(
    "lang author authors tags tag categories category keywords description summary excerpt slug draft layout permalink "
    "aliases alias weight created updated modified lastmod published publisher source subtitle image cover type "
    "cssclass cssclasses".split()
)
"""Those of an article, and those that Jekyll, Hugo and Obsidian document."""
_MAX_KEY_WORDS = 3
"""A sentence with a colon in it is no key."""
_LINE = re.compile(r"([\w-]+)\s*[:=](?:\s+(.*))?")
_SIMPLE_LINE = re.compile(r"\s*$|\s+\S|[#-]|\]|[\w-]+\s*[:=](\s|$)")
"""A key, what belongs to one, or nothing: prose between two rules is none of these."""
_NO_VALUES = ("", "~", "null", "Null", "NULL")


class FrontMatter(NamedTuple):
    """What was found before a text.

    Attributes
    ----------
    values : mapping of str to Any
        By key, in small letters; empty where there is none.
    body : str
        The text behind it.
    warning : str
        What was read otherwise than it was written; empty where nothing was.
    """

    values: Mapping[str, Any]
    body: str
    warning: str = ""


def split_front_matter(content: str) -> FrontMatter:
    """A text and what stands before it."""
    if content.startswith("{"):
        return _split_json(content)
    lines = content.splitlines(keepends=True)
    mark = lines[0].strip() if lines else ""
    if mark not in _ENDS:
        return FrontMatter({}, content)
    end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() in _ENDS[mark]), None)
    if end is None:
        return _split_open(lines, content)
    block = "".join(lines[1:end])
    if not block.strip():
        return FrontMatter({}, "".join(lines[end + 1 :]))
    values, warning = _read_block(block, mark) if len(block) <= _MAX_CHARS else ({}, "")
    body = "".join(lines[end + 1 :])
    return FrontMatter(_fold_keys(values), body, warning) if values else FrontMatter({}, content)


def _split_json(content: str) -> FrontMatter:
    try:
        values, end = json.JSONDecoder(parse_int=str).raw_decode(content)
    except (ValueError, RecursionError):
        return FrontMatter({}, content)
    return FrontMatter(_fold_keys(values), content[end:]) if _is_known(values) else FrontMatter({}, content)


def _split_open(lines: list[str], content: str) -> FrontMatter:
    """Front matter that nobody closed ends with the first line that has no key."""
    end = next((at for at, line in enumerate(lines[1:], 1) if not _LINE.fullmatch(line.strip())), len(lines))
    values = _read_lines("".join(lines[1:end]))
    if not _is_known(values):
        return FrontMatter({}, content)
    warning = reason("front_matter_open", line=end + 1)
    return FrontMatter(_fold_keys(values), "".join(lines[end:]), warning)


def _read_block(block: str, mark: str) -> tuple[Mapping[str, Any], str]:
    """The values of a block, and what was read otherwise than written; no values where it is no front matter."""
    try:
        values = _READERS[mark](block)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        values = _read_lines(block)
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        code, where = ("front_matter_broken", {}) if line is None else ("front_matter_broken_at", {"line": line + 2})
        warning = reason(code, syntax=_NAMES[mark], **where)
        is_simple = all(map(_SIMPLE_LINE.match, block.splitlines()))
        return (values, warning) if is_simple and _is_known(values) else ({}, "")
    return (values, "") if _is_known(values) else ({}, "")


def _is_known(values: Any) -> bool:
    if not isinstance(values, dict) or not all(len(str(key).split()) <= _MAX_KEY_WORDS for key in values):
        return False
    return any(isinstance(key, str) and key.lower() in _KNOWN_KEYS for key in values)


def _fold_keys(values: Mapping[Any, Any]) -> dict[str, Any]:
    folded = {key.lower(): value for key, value in values.items() if isinstance(key, str)}
    return {"language": folded.get("lang")} | folded


def _read_yaml(block: str) -> Any:
    """YAML whose values are text as it was written: `no` is a word, 007 keeps its zeros, and `<<` merges nothing (each
    merge may double what the one before has merged). It makes texts, lists and mappings alone."""
    values = yaml.load(block, yaml.BaseLoader)
    if isinstance(values, dict):
        return {key: None if value in _NO_VALUES else value for key, value in values.items() if isinstance(key, str)}
    return values


def _read_lines(block: str) -> dict[str, str]:
    """The lines of one key and one value."""
    found = (_LINE.fullmatch(line.rstrip()) for line in block.splitlines())
    return {match[1]: (match[2] or "").strip().strip("\"'") for match in found if match}


_READERS: dict[str, Callable[[str], Any]] = {_YAML: _read_yaml, _TOML: tomllib.loads}
_NAMES = {_YAML: "YAML", _TOML: "TOML"}
