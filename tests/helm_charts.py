"""The templates of a Helm chart, as far as ours use them, where no Helm is: actions and functions of Go's templates
over the values of a chart. `tests/test_deploy.py` compares the two where Helm is."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_ACTION = re.compile(r"(\s*\{\{-|\{\{)\s*(.*?)\s*(-\}\}\s*|\}\})", re.DOTALL)
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[()|]|:=|,|[^\s()|,]+')
_OPENING = ("if", "with", "range", "define")


class ChartError(Exception):
    """The chart refuses its values."""


@dataclass
class Node:
    """A text, or an action with the branches between it and its end: each a condition and what stands under it."""

    text: str = ""
    kind: str = "text"
    branches: list[tuple[str, list["Node"]]] = field(default_factory=list)


def parse(source: str) -> list[Node]:
    """The nodes of a template."""
    root: list[Node] = []
    open_blocks: list[Node] = []
    places = [root]
    at = 0
    for found in _ACTION.finditer(source):
        places[-1].append(Node(source[at : found.start()]))
        if not found[1].endswith("-"):
            places[-1].append(Node(found[1].removesuffix("{{")))
        at, action = found.end(), found[2]
        word, _, rest = action.partition(" ")
        if word in _OPENING:
            node = Node(kind=word, branches=[(rest, [])])
            places[-1].append(node)
            open_blocks.append(node)
            places.append(node.branches[0][1])
        elif word == "else":
            condition = rest.removeprefix("if ").removeprefix("with ") if rest else "true"
            open_blocks[-1].branches.append((condition, []))
            places[-1] = open_blocks[-1].branches[-1][1]
        elif word == "end":
            open_blocks.pop()
            places.pop()
        elif not word.startswith("/*"):
            places[-1].append(Node(action, "action"))
    root.append(Node(source[at:]))
    return root


class Chart:
    """A chart with its values.

    Parameters
    ----------
    folder : Path
        Of the chart.
    values : mapping
        In place of those of `values.yaml`, by their paths.
    release : str
        Its name.
    """

    def __init__(self, folder: Path, values: dict[str, Any], release: str = "r") -> None:
        self._folder, self._defined = folder, {}
        about = yaml.safe_load((folder / "Chart.yaml").read_text("utf-8"))
        self._top = {
            "Values": yaml.safe_load((folder / "values.yaml").read_text("utf-8")),
            "Release": {"Name": release, "Namespace": "default", "Service": "Helm"},
            "Chart": {"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
        }
        for path, value in values.items():
            *parents, last = path.split(".")
            at = self._top["Values"]
            for parent in parents:
                at = at.setdefault(parent, {})
            at[last] = value

    def render(self) -> list[dict[str, Any]]:
        """The objects that it makes; raises ChartError where it refuses."""
        templates = sorted((self._folder / "templates").iterdir())
        parsed = {path.name: parse(path.read_text("utf-8")) for path in templates}
        for nodes in parsed.values():
            for node in nodes:
                if node.kind == "define":
                    self._defined[json.loads(node.branches[0][0])] = node.branches[0][1]
        texts = [
            self._run(nodes, self._top, {"$": self._top}) for name, nodes in parsed.items() if name.endswith("yaml")
        ]
        return [one for text in texts for one in yaml.safe_load_all(text) if one]

    def _run(self, nodes: list[Node], dot: Any, names: dict[str, Any]) -> str:
        names = dict(names)
        return "".join(part for node in nodes for part in self._run_node(node, dot, names))

    def _run_node(self, node: Node, dot: Any, names: dict[str, Any]) -> Iterator[str]:
        if node.kind == "text":
            yield node.text
        elif node.kind == "action":
            value = self._evaluate(node.text, dot, names)
            yield "" if value is None or re.match(r"\$\w+ :=", node.text) else _as_text(value)
        elif node.kind == "range":
            yield from self._run_range(node, dot, names)
        elif node.kind in ("if", "with"):
            for condition, inside in node.branches:
                value = self._evaluate(condition, dot, names)
                if value:
                    is_inside = node.kind == "with" and condition != "true"
                    yield self._run(inside, value if is_inside else dot, names)
                    return

    def _run_range(self, node: Node, dot: Any, names: dict[str, Any]) -> Iterator[str]:
        (head, inside), *_ = node.branches
        key, value, over = re.fullmatch(r"(\$\w+), (\$\w+) := (.*)", head).groups()
        for name, one in sorted(self._evaluate(over, dot, names).items()):
            yield self._run(inside, one, names | {key: name, value: one})

    def _evaluate(self, text: str, dot: Any, names: dict[str, Any]) -> Any:
        words = _WORD.findall(text)
        if len(words) > 1 and words[1] == ":=":
            names[words[0]] = self._pipeline(words[2:], dot, names)
            return names[words[0]]
        return self._pipeline(words, dot, names)

    def _pipeline(self, words: list[str], dot: Any, names: dict[str, Any]) -> Any:
        """What words give; each command takes what the one before gives as its last argument."""
        commands: list[list[Any]] = [[]]
        depth, inner = 0, []
        for word in words:
            depth += (word == "(") - (word == ")")
            if word == "(" and depth == 1:
                inner = []
            elif word == ")" and depth == 0:
                commands[-1].append(lambda inner=inner: self._pipeline(inner, dot, names))
            elif depth:
                inner.append(word)
            elif word == "|":
                commands.append([])
            else:
                commands[-1].append(word)
        value, is_first = None, True
        for command in commands:
            value = self._call(command, [] if is_first else [value], dot, names)
            is_first = False
        return value

    def _call(self, command: list[Any], piped: list[Any], dot: Any, names: dict[str, Any]) -> Any:
        head, *rest = command
        if head == "include":
            name, inside = self._operand(rest[0], dot, names), self._operand(rest[1], dot, names)
            return self._run(self._defined[name], inside, {"$": inside})
        arguments = [self._operand(one, dot, names) for one in rest] + piped
        if isinstance(head, str) and head in _FUNCTIONS:
            return _FUNCTIONS[head](*arguments)
        assert not arguments, command
        return self._operand(head, dot, names)

    def _operand(self, word: Any, dot: Any, names: dict[str, Any]) -> Any:
        if callable(word):
            return word()
        if word[0] == '"':
            return json.loads(word)
        if word in ("true", "false"):
            return word == "true"
        if word.isdigit():
            return int(word)
        base, _, path = word.partition(".")
        value = names[base] if base else dot
        for part in filter(None, path.split(".")):
            value = value.get(part) if value is not None else None
        return value


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fail(message: str) -> None:
    raise ChartError(message)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "and": lambda *values: next((one for one in values if not one), values[-1]),
    "or": lambda *values: next((one for one in values if one), values[-1]),
    "not": lambda value: not value,
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "gt": lambda left, right: left > right,
    "int": int,
    "list": lambda *values: list(values),
    "default": lambda other, value: value or other,
    "toString": lambda value: "" if value is None else _as_text(value),
    "quote": lambda value: json.dumps(_as_text(value), ensure_ascii=False),
    "printf": lambda form, *values: form % values,
    "contains": lambda part, text: part in text,
    "trunc": lambda length, text: text[:length],
    "trimSuffix": lambda end, text: text.removesuffix(end),
    "nindent": lambda by, text: "\n" + "\n".join(" " * by + line for line in text.split("\n")),
    "toYaml": lambda value: yaml.safe_dump(value, allow_unicode=True).rstrip("\n"),
    "sha256sum": lambda text: hashlib.sha256(text.encode()).hexdigest(),
    "fail": _fail,
}
