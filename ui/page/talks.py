"""The list of conversations, which the browser keeps, and what can be saved of one."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ui.page.answers import Words, as_markdown
from ui.page.chat import Talk, new_talk
from ui.page.html import button, element, written

_KEPT = 40
"""Conversations; the oldest go first: a browser keeps about 5 MB for a site."""
_NAME_CHARS = 60


def with_talk(saved: Sequence[Talk], talk: Talk) -> list[Talk]:
    """The conversations with this one as it is now, newest first; an empty one is not kept."""
    others = [one for one in saved if one["id"] != talk["id"]]
    return [talk, *others][:_KEPT] if talk["turns"] else others


def name_of(talk: Talk, words: Words) -> str:
    """The name it was given, else its first question."""
    first = talk["turns"][0]["question"] if talk["turns"] else words["untitled"]
    name = " ".join((talk["name"] or first).split())
    return name if len(name) <= _NAME_CHARS else name[:_NAME_CHARS] + "…"


def changed(saved: Sequence[Talk], talk: Talk, told: Mapping[str, Any]) -> tuple[list[Talk], Talk]:
    """The conversations and the open one after `told`, what a person did in the list."""
    key = told.get("talk")
    if told["act"] == "new":
        return list(saved), new_talk()
    if told["act"] == "rename":
        renamed = [one | {"name": str(told["name"])[:_NAME_CHARS]} if one["id"] == key else one for one in saved]
        return renamed, next((one for one in renamed if one["id"] == talk["id"]), talk)
    if told["act"] == "delete":
        return [one for one in saved if one["id"] != key], new_talk() if talk["id"] == key else talk
    return list(saved), next((one for one in saved if one["id"] == key), talk)


def listed(saved: Sequence[Talk], talk: Talk, words: Words) -> str:
    """The list as HTML."""
    rows = "".join(_row(one, one["id"] == talk["id"], words) for one in saved)
    exports = "".join(
        button(words[key], "export", data_form=form)
        for key, form in (("export_markdown", "md"), ("export_json", "json"))
    )
    return "".join((
        button(words["new_conversation"], "new", cls="dalil-wide"),
        element("ul", rows, cls="dalil-talklist") if rows else "",
        element("p", words["no_conversations"], cls="dalil-small"),
        element("div", exports, cls="dalil-exports") if talk["turns"] else "",
    ))  # fmt: skip


def _row(talk: Talk, is_open: bool, words: Words) -> str:
    name = name_of(talk, words)
    current = {"aria_current": "true"} if is_open else {}
    deeds = button(
        words["rename"],
        "rename",
        "✎",
        cls="dalil-icon",
        data_talk=talk["id"],
        data_ask=words["rename_to"],
        data_name=name,
    )
    deeds += button(
        words["delete"], "delete", "🗑", cls="dalil-icon", data_talk=talk["id"], data_sure=words["delete_sure"]
    )
    return element("li", button(name, "talk", written(name), cls="dalil-link", data_talk=talk["id"], **current) + deeds)


def exported(talk: Talk, form: str, words: Words) -> dict[str, str]:
    """A conversation as a file: its name, kind and text."""
    name = re.sub(r"[^\w-]+", "-", name_of(talk, words)).strip("-") or "dalil"
    if form == "json":
        text = json.dumps(talk, ensure_ascii=False, indent=2)
        return {"name": f"{name}.json", "kind": "application/json", "text": text}
    return {"name": f"{name}.md", "kind": "text/markdown", "text": as_markdown(talk["turns"])}
