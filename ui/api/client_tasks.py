"""What chat clients ask for themselves, in the reader's name: a title for the conversation, tags, follow-up questions,
queries for a search, the rest of a sentence.

Such a request is no question to the articles. It is told by its form: one message alone with a conversation in it, and
the JSON that is wanted (Open WebUI, whose prompts may be in any language), or an instruction to write a title or to
rephrase a question (LibreChat, LangChain).
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from rag.answering.assistant import Assistant
from rag.answering.follow_up import find_subject
from rag.answering.llm import Deadline
from rag.errors import QuestionError
from rag.language.document import Document
from rag.types import Answer, Language, Message, RequestedMode
from ui.api.openai_messages import ChatMessage, read_role
from ui.api.wanted_form import WantedForm

TaskKind = Literal["title", "tags", "follow_ups", "queries", "text", "prompt", "tool_calls", "question"]
"""What is wanted, by the key that Open WebUI reads it from; `text` is the rest of a sentence, `prompt` that of a
picture. `question` is a follow-up question in words that stand alone."""
_TAGGED: tuple[TaskKind, ...] = ("title", "tags", "follow_ups", "queries", "text", "prompt")
"""Those that Open WebUI wants beside a conversation in tags; `tool_calls` it asks for in an instruction."""
_LISTS = ("tags", "follow_ups", "queries")
_LANGUAGE = "language"
_MAX_TITLE_CHARS, _MAX_QUERY_CHARS = 60, 300

_HISTORY = ("<chat_history>", "</chat_history>")
_JSON_KEY = re.compile(r'\{\s*"(\w+)"\s*:')
_TURN = re.compile(
    r"^[ \t]*(?:\|\|>)?(user|human|assistant|ai|model|bot|response)[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE
)
_USERS = ("user", "human")
_AROUND = ' \t\r\n"'
"""What stands around a message among others."""
_TITLE = re.compile(
    r"\b(?:write|provide|generate|create|give|suggest|produce)\b(?=.*\b(?:conversation|chat|messages?)\b).{0,200}?"
    r"\btitle\b",
    re.IGNORECASE | re.DOTALL,
)
_STANDALONE = re.compile(r"\bstandalone (?:question|query)\b", re.IGNORECASE)
_FOLLOW_UP = re.compile(
    r"^[ \t]*<?follow[- ]?up (?:input|question|query|message)[ \t]*[:>]\s*(\S.*)$", re.IGNORECASE | re.MULTILINE
)
_INSTRUCTION_CHARS = 600
"""In which an instruction that stands before a conversation says what it wants."""


class ClientTask(NamedTuple):
    """What a client asks for itself.

    Attributes
    ----------
    kind : TaskKind
        What is wanted.
    form : WantedForm or None
        Of the object in which it is to stand under its kind; None: it is the text.
    history : tuple of Message
        The conversation that it is about.
    messages : tuple of Message
        The request as it came.
    """

    kind: TaskKind
    form: WantedForm | None
    history: tuple[Message, ...]
    messages: tuple[Message, ...]


def find_task(messages: Sequence[ChatMessage], form: WantedForm | None = None) -> ClientTask | None:
    """What a client asks for itself; None for a question of its reader.

    Parameters
    ----------
    messages : sequence of ChatMessage
        Of the request.
    form : WantedForm, optional
        What the request says of it beside its messages.
    """
    read = tuple(Message(role, one.content) for one in messages if (role := read_role(one.role)) and one.content)
    asked = [one.text for one in read if one.role != "system"]
    if len(asked) > 1 or not read:
        return None
    text = "\n".join(one.text for one in read)
    start, end = text.find(_HISTORY[0]), text.rfind(_HISTORY[1])
    is_tagged = 0 <= start < end
    around, said = (text[:start] + text[end:], text[start + len(_HISTORY[0]) : end]) if is_tagged else (text, text)
    history = _read_history(said)
    kinds: Sequence[TaskKind] = _TAGGED if is_tagged else ("tool_calls",) if len(asked) < len(read) else ()
    if key := _find_key(around, kinds):
        return ClientTask(key, form or WantedForm(), history, read)
    if not any(one.role == "user" for one in history):
        return None
    if _TITLE.search(around[:_INSTRUCTION_CHARS]):
        return ClientTask("title", form, history, read)
    if _STANDALONE.search(around) and (follow_up := _FOLLOW_UP.search(text)):
        return ClientTask("question", None, (*history, Message("user", follow_up[1].strip())), read)
    return None


def answer_task(task: ClientTask, assistant: Assistant, mode: RequestedMode, deadline: Deadline) -> Answer:
    """What a client asks for itself, by the model where one is set and gives it in the form that is wanted, else
    briefly.

    Parameters
    ----------
    task : ClientTask
        What is wanted.
    assistant : Assistant
        Whose model is asked.
    mode : RequestedMode
        `extractive` asks no model.
    deadline : Deadline
        Ends the model's call.
    """
    draft = "" if mode == "extractive" or task.kind == "tool_calls" else assistant.complete(task.messages, deadline)
    value = _read_draft(task, draft)
    is_generated = value is not None
    if value is None:
        value = _answer_briefly(task, assistant)
    language = Document(_last_question(task) or str(value)).language
    return Answer(
        id=uuid4().hex,
        text=str(value) if task.form is None else _write_object(task, task.form, value, language),
        language=language,
        refused=False,
        reason=None,
        mode="generate" if is_generated else "extractive",
        degraded=False,
        citations=(),
        state="talk",
    )


def _write_object(task: ClientTask, form: WantedForm, value: Any, language: Language) -> str:
    """The object that is wanted; LibreChat wants the language of a conversation beside its title."""
    beside = {name: language if name == _LANGUAGE else "" for name in form.fields if name != task.kind}
    return json.dumps({task.kind: value} | beside, ensure_ascii=False)


def _find_key(text: str, kinds: Sequence[TaskKind]) -> TaskKind | None:
    """The first of `kinds` that is the key of JSON in a text."""
    keys = _JSON_KEY.findall(text)
    return next((kind for key in keys for kind in kinds if kind == key), None)


def _read_history(text: str) -> tuple[Message, ...]:
    """The messages of a conversation that is written as lines with their speakers before them."""
    _, *parts = _TURN.split(text)
    turns = zip(parts[::2], parts[1::2], strict=True)
    return tuple(
        Message("user" if speaker.lower() in _USERS else "assistant", said.strip(_AROUND)) for speaker, said in turns
    )


def _read_draft(task: ClientTask, draft: str) -> Any:
    """What a model wrote, where it has the form that is wanted; else None."""
    if task.form is None:
        lines = (line.strip(" \t\"'“”«»*_`#") for line in draft.splitlines())
        first = next((line for line in lines if line), "")
        return _shorten(first, _MAX_QUERY_CHARS if task.kind == "question" else _MAX_TITLE_CHARS) or None
    with suppress(ValueError):
        value, _ = json.JSONDecoder().raw_decode(draft[draft.index("{") :])
        found = value.get(task.kind)
        is_list = isinstance(found, list) and all(isinstance(one, str) for one in found)
        if is_list if task.kind in _LISTS else isinstance(found, str) and (found.strip() or task.kind == "text"):
            return found
    return None


def _answer_briefly(task: ClientTask, assistant: Assistant) -> Any:
    question = _last_question(task)
    match task.kind:
        case "title":
            return _shorten(find_subject(task.history), _MAX_TITLE_CHARS)
        case "tags":
            return _find_topics(question, assistant)
        case "queries":
            return [question] if question else []
        case "prompt" | "question":
            return question
        case "text":
            return ""
        case _:
            return []


def _last_question(task: ClientTask) -> str:
    questions = [one.text for one in task.history if one.role == "user"]
    return questions[-1][:_MAX_QUERY_CHARS] if questions else ""


def _find_topics(question: str, assistant: Assistant) -> list[str]:
    """The topic of the article that answers a question; none where none does."""
    try:
        result = assistant.search(question, top_k=1)
    except QuestionError:
        return []
    return [hit.article.topic for hit in result.hits if hit.article.topic] if assistant.is_found(result) else []


def _shorten(text: str, max_chars: int) -> str:
    """The first words of a text on one line, without the mark at its end."""
    words, short = text.split(), ""
    for word in words:
        longer = f"{short} {word}".strip()
        if len(longer) > max_chars:
            break
        short = longer
    return short.rstrip(" ?؟.!:،,;؛") or text[:max_chars]
