"""Conversations as OpenAI's clients really send them: contents in many forms, nulls, roles in any order, instructions
for a retrieval of the client's own around the question, and more than Dalil reads.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, WithJsonSchema

from rag.errors import QuestionError
from rag.language.asking import find_asked_part
from rag.types import Message, Role
from ui.api.model_names import DEFAULT_MODEL
from ui.api.schemas import ArticleFilters

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
"""The roles of clients that are read, and what they are here."""
_MAX_HISTORY, _MAX_INSTRUCTIONS = 50, 10
"""Messages before the question, and instructions; older ones are left out. `/v1/ask` takes as many."""
_MAX_MESSAGE_CHARS = 20_000
"""Of a message before the question."""
_USER_QUERY = ("<user_query>", "</user_query>")
_CONTEXT_END = "</context>"
"""Open WebUI puts passages of its own and instructions before the question, in these tags."""


def _read_content(content: object) -> str:
    """The words of a message's content: a text, a part, a list of either, or nothing."""
    if content is None:
        return ""
    if isinstance(content, list):
        return "\n".join(text for text in map(_read_part, content) if text)
    return _read_part(content)


def _read_part(part: object) -> str:
    """The words of a part; those of a picture, a sound or a file are none."""
    text = part.get("text") if isinstance(part, Mapping) else part
    if isinstance(text, Mapping):  # as in threads of OpenAI's assistants
        text = text.get("value")
    if text is None:
        return ""
    if not isinstance(text, str):
        raise ValueError('write a text, a part such as {"type": "text", "text": "..."}, or a list of these')
    return text


_PART_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "object"}, {"type": "null"}]}
_CONTENT_SCHEMA = {"anyOf": [*_PART_SCHEMA["anyOf"], {"type": "array", "items": _PART_SCHEMA}]}
Content = Annotated[str, BeforeValidator(_read_content), WithJsonSchema(_CONTENT_SCHEMA)]
"""The words of a message, in whichever form they are sent."""


class ChatMessage(BaseModel):
    """One message, as OpenAI's clients send it."""

    role: str
    content: Content = ""


class OpenAIRequest(BaseModel):
    """What every way to ask of OpenAI's clients has; what else they send has no effect. `filters` is Dalil's own, as in
    `/v1/ask`."""

    model: str | None = DEFAULT_MODEL
    stream: bool | None = False
    filters: ArticleFilters | None = None

    @property
    def model_name(self) -> str:
        """The model that is asked for."""
        return self.model or DEFAULT_MODEL


def read_conversation(messages: Sequence[ChatMessage], max_question_chars: int) -> tuple[str, tuple[Message, ...]]:
    """The question of a conversation, and what of the rest is read.

    The question is the last message of the user, whatever stands behind it; where the user says nothing, the last
    instruction. One that is too long is cut to what it asks. Instructions are kept for the language that they name;
    what tools say, and what comes behind the question, is no part of the conversation.

    Parameters
    ----------
    messages : sequence of ChatMessage
        All of them, oldest first.
    max_question_chars : int
        Room, in code points.

    Raises
    ------
    QuestionError
        When nobody asks, or not in words.
    """
    at = _find_question(messages)
    if not messages[at].content.strip():
        raise QuestionError("The user's last message holds no text. Pictures, sounds and files are not read.")
    others = [
        Message(_ROLES[one.role], one.content[:_MAX_MESSAGE_CHARS])
        for place, one in enumerate(messages)
        if one.role in _ROLES and one.content.strip() and (place < at or (place > at and _is_instruction(one)))
    ]
    instructions = [one for one in others if one.role == "system"][-_MAX_INSTRUCTIONS:]
    history = [one for one in others if one.role != "system"][-_MAX_HISTORY:]
    return _cut_question(messages[at].content, max_question_chars), (*instructions, *history)


def read_role(role: str) -> Role | None:
    """What a role of clients is here; None for one that is not read."""
    return _ROLES.get(role)


def _is_instruction(message: ChatMessage) -> bool:
    return _ROLES.get(message.role) == "system"


def _find_question(messages: Sequence[ChatMessage]) -> int:
    for is_asked in (lambda one: one.role == "user", _is_instruction):
        for at in range(len(messages) - 1, -1, -1):
            if is_asked(messages[at]):
                return at
    raise QuestionError("No message is the user's: the last of these is the question.")


def _cut_question(text: str, max_chars: int) -> str:
    """The question of a message, without a context around it."""
    asked = _strip_context(text)
    return asked if len(asked.strip()) <= max_chars else find_asked_part(asked, max_chars)


def _strip_context(text: str) -> str:
    _, is_tagged, query = text.rpartition(_USER_QUERY[0])
    asked = query.partition(_USER_QUERY[1])[0] if is_tagged else text.rpartition(_CONTEXT_END)[2]
    return asked if asked.strip() else text
