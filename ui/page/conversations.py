"""The list of conversations, and what can be saved of one."""

import json
import re
from collections.abc import Sequence

from ui.api import ConversationSummary
from ui.page.html import render_macro
from ui.page.labels import Labels
from ui.page.storage import Conversation
from ui.page.turns import to_markdown

_MAX_KEPT = 40
"""Conversations; the oldest go first: a browser keeps about 5 MB for a site."""
_MAX_NAME_CHARS = 60
_MAX_SEARCHED_CHARS = 1500
"""Of a conversation, beside its name: the list is sent whole whenever it changes."""


def keep_conversation(saved: Sequence[Conversation], conversation: Conversation) -> list[Conversation]:
    """The conversations with this one as it is now, newest first; an empty one is not kept."""
    others = [one for one in saved if one.id != conversation.id]
    return [conversation, *others][:_MAX_KEPT] if conversation.turns else others


def display_name(conversation: Conversation, labels: Labels) -> str:
    """The name it was given, else its first question."""
    first = conversation.turns[0].question if conversation.turns else labels["untitled"]
    name = " ".join((conversation.name or first).split())
    return name if len(name) <= _MAX_NAME_CHARS else name[:_MAX_NAME_CHARS] + "…"


def rename_conversation(conversation: Conversation, name: str) -> Conversation:
    """A conversation under another name."""
    return conversation.model_copy(update={"name": name[:_MAX_NAME_CHARS]})


def summarize(conversation: Conversation, labels: Labels) -> ConversationSummary:
    """What the list shows of a conversation."""
    asked_at, words = _last_asked(conversation), _searchable_words(conversation)
    return ConversationSummary(conversation.id, display_name(conversation, labels), asked_at, words)


def render_list(
    kept: Sequence[ConversationSummary], current: Conversation, labels: Labels, is_on_server: bool = False
) -> str:
    """The list as HTML, the one that was asked in last first."""
    return render_macro(
        "conversations",
        "conversations",
        rows=sorted(kept, key=lambda one: one.asked_at, reverse=True),
        opened=current.id,
        can_export=bool(current.turns),
        is_on_server=is_on_server,
        labels=labels,
    )


def _last_asked(conversation: Conversation) -> str:
    """When its last question was asked, ISO in UTC; empty where an earlier version kept it."""
    return conversation.turns[-1].asked_at if conversation.turns else ""


def _searchable_words(conversation: Conversation) -> str:
    """What it is found by: its questions, then its answers, as far as there is room."""
    answers = (turn.answer.text for turn in conversation.turns if turn.answer)
    return " ".join([*(turn.question for turn in conversation.turns), *answers])[:_MAX_SEARCHED_CHARS]


def export_conversation(conversation: Conversation, form: str, labels: Labels) -> dict[str, str]:
    """A conversation as a file: its name, kind and text."""
    name = re.sub(r"[^\w-]+", "-", display_name(conversation, labels)).strip("-") or "dalil"
    if form == "json":
        text = json.dumps(conversation.to_json(), ensure_ascii=False, indent=2)
        return {"name": f"{name}.json", "kind": "application/json", "text": text}
    return {"name": f"{name}.md", "kind": "text/markdown", "text": to_markdown(conversation.turns)}


def export_all(saved: Sequence[Conversation], labels: Labels) -> dict[str, str]:
    """All conversations as one file of JSON: its name, kind and text."""
    text = json.dumps([one.to_json() for one in saved], ensure_ascii=False, indent=2)
    return {"name": f"{labels['conversations']}.json", "kind": "application/json", "text": text}
