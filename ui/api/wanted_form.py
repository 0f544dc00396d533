"""The form in which a client of OpenAI wants what it asks for itself: text, JSON, or a call of one of its functions."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

_FORCING = ("required", "any")
"""Values of `tool_choice` that let no text pass."""


class WantedForm(NamedTuple):
    """What an answer that is no text has.

    Attributes
    ----------
    fields : tuple of str
        Names of the fields of the object, as its schema has them; none where it is not told.
    function : str
        That is to be called with the object; empty where the object is the text.
    """

    fields: tuple[str, ...] = ()
    function: str = ""


def read_wanted_form(response_format: Any, tools: Any, tool_choice: Any) -> WantedForm | None:
    """The form that a request wants, by its fields of these names; None for text."""
    if function := _find_forced(tools, tool_choice):
        return WantedForm(_read_fields(function.get("parameters")), str(function["name"]))
    if isinstance(response_format, Mapping) and str(response_format.get("type")).startswith("json"):
        described = response_format.get("json_schema")
        return WantedForm(_read_fields(described.get("schema") if isinstance(described, Mapping) else None))
    return None


def describe_call(function: str, arguments: str) -> dict[str, Any]:
    """The call of a function, as a message of OpenAI's has it; `arguments` are JSON."""
    return {"id": f"call_{uuid4().hex}", "type": "function", "function": {"name": function, "arguments": arguments}}


def _find_forced(tools: Any, tool_choice: Any) -> Mapping[str, Any] | None:
    """The function that is to be called whatever is asked."""
    listed = tools if isinstance(tools, Sequence) and not isinstance(tools, str) else ()
    functions = [one["function"] for one in listed if isinstance(one, Mapping) and _is_function(one.get("function"))]
    if isinstance(tool_choice, Mapping) and _is_function(tool_choice.get("function")):
        name = tool_choice["function"]["name"]
        return next((one for one in functions if one["name"] == name), None)
    return functions[0] if len(functions) == 1 and tool_choice in _FORCING else None


def _is_function(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("name"), str) and bool(value["name"])


def _read_fields(schema: Any) -> tuple[str, ...]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return tuple(map(str, properties)) if isinstance(properties, Mapping) else ()
