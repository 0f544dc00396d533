"""What a request for an answer carries, less what its endpoint has refused."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rag.settings import Settings

_REFUSING = (400, 422)
_TEMPLATE_FAILED = 500
"""How llama.cpp's server says that a chat template takes no system message."""
_NO_SYSTEM_ROLE = re.compile(
    r"system (role|message|prompt|instruction)|developer (role|instruction)|roles? must alternate|'system'"
    r"|messages\[0\]\.role",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(r"context|prompt is too long|too many tokens", re.IGNORECASE)
"""Says something of the prompt, even where it names a parameter."""
_MORE_TOKENS = 4

ChatMessages = Sequence[tuple[str, str]]
"""Roles and texts."""


class RequestParameters:
    """The fields of a request besides its messages; what the endpoint refuses is left out from then on.

    Parameters
    ----------
    settings : Settings
        Name the model and its parameters.
    """

    def __init__(self, settings: Settings) -> None:
        self._tokens_name = "max_tokens"
        self._max_tokens = settings.llm_answer_tokens
        self._values: Mapping[str, Any] = {
            "model": settings.llm_name,
            "stream": True,
            "temperature": settings.llm_temperature,
            "seed": settings.llm_seed,
            "reasoning_effort": settings.llm_reasoning_effort,
        }
        self._extra = settings.llm_extra_body or {}
        self._refused: frozenset[str] = frozenset()
        self._has_system_role = True

    def build_body(self, messages: ChatMessages) -> dict[str, Any]:
        """The body of a request for an answer to a conversation."""
        fields = {**self._values, self._tokens_name: self._max_tokens, **self._extra}
        kept = {name: value for name, value in fields.items() if value is not None and name not in self._refused}
        return {"messages": [*self._build_messages(messages)], **kept}

    def adapt(self, status: int, error: str, body: Mapping[str, Any]) -> bool:
        """Leave out, or say in another way, what an endpoint says it does not take.

        Parameters
        ----------
        status : int
            Of its response.
        error : str
            What it said.
        body : mapping
            What it was sent.

        Returns
        -------
        bool
            Whether another request differs from that one.
        """
        if self._has_system_role and _NO_SYSTEM_ROLE.search(error) and status in (*_REFUSING, _TEMPLATE_FAILED):
            self._has_system_role = False
            return True
        if status not in _REFUSING or _TOO_LONG.search(error):
            return False
        if self._rename_max_tokens(error, body):
            return True
        named = {name for name in body.keys() - {"messages", "model"} if re.search(rf"\b{re.escape(name)}\b", error)}
        self._refused |= named
        return bool(named)

    def allow_more_tokens(self) -> None:
        """A model spent all of its tokens on thoughts: give it more from now on."""
        self._max_tokens *= _MORE_TOKENS

    def _rename_max_tokens(self, error: str, body: Mapping[str, Any]) -> bool:
        """Follow an endpoint that asks for the newer name of the longest answer."""
        asks_for_other = "max_tokens" in body and "max_completion_tokens" in error
        if asks_for_other:
            self._tokens_name = "max_completion_tokens"
        return asks_for_other

    def _build_messages(self, messages: ChatMessages) -> list[dict[str, str]]:
        if self._has_system_role:
            return [{"role": role, "content": text} for role, text in messages]
        rules = [text for role, text in messages if role == "system"]
        others = [[role, text] for role, text in messages if role != "system"]
        others[0][1] = "\n\n".join([*rules, others[0][1]])
        return [{"role": role, "content": text} for role, text in others]
