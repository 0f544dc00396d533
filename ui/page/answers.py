"""A question and its answer as HTML: blocks, chips that open evidence, sources, what can be done with it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rag.grounding.verifier import MARKER
from rag.language.text import direction
from rag.types import Answer, Citation, Statement
from ui.page.html import button, element, isolated, way_of, written

Words = Mapping[str, str]
Turn = dict[str, Any]
"""One question of a conversation as the browser keeps it: `question`, and of these what there is: `answer` (an Answer
as JSON), `nearest`, `looked_for`, `why`, `error`, `stopped`, and of a reader's opinion `rated`, `reason`, `right`."""

_NUMBER = re.compile(r"\d+")
_REASONS = ("bad_source", "bad_language", "bad_incomplete", "bad_false", "bad_refused")


def answer_of(told: Mapping[str, Any]) -> Answer:
    """The Answer that was kept as JSON."""
    citations = tuple(Citation(**citation) for citation in told["citations"])
    statements = tuple(Statement(**one | {"citations": tuple(one["citations"])}) for one in told["statements"])
    return Answer(**{**told, "citations": citations, "statements": statements})


def turn_parts(turn: Turn, at: int, words: Words) -> list[str]:
    """A finished turn, part by part."""
    return [question_html(turn["question"], at, words), *_said(turn, words), _actions(turn, at, words)]


def live_parts(turn: Turn, at: int, words: Words, state: str, text: str) -> list[str]:
    """A turn that is being answered: `text` is what there is of the answer, `state` what is being done."""
    blocks = [_block_html(block, {}, words) for block in text.split("\n\n") if block]
    doing = element("div", isolated(state, direction(state)), cls="dalil-state", dir=direction(state))
    return [question_html(turn["question"], at, words), *blocks, doing]


def question_html(question: str, at: int, words: Words) -> str:
    """A question as the chat shows it."""
    way = direction(question)
    shown = element("p", isolated(question, way), dir=way, cls="dalil-question")
    edit = button(words["edit"], "edit", "✎", cls="dalil-icon", data_turn=str(at))
    return element("div", element("h3", words["you"], cls="sr-only") + shown + edit, cls="dalil-asked")


def _said(turn: Turn, words: Words) -> Iterator[str]:
    if "error" in turn:
        yield _note(words["error_title"], turn["error"], "dalil-error")
    if "answer" in turn:
        answer = answer_of(turn["answer"])
        yield from _refusal(answer, turn, words) if answer.refused else _answered(answer, words)
    if turn.get("stopped"):
        yield _note("", words["stopped"], "dalil-note")
    if "why" in turn:
        yield _why(turn["why"], words)


def _note(title: str, text: str, kind: str) -> str:
    way = direction(text)
    heading = element("strong", isolated(title, way)) if title else ""
    return element("div", heading + element("p", isolated(text, way)), cls=kind, role="note", dir=way)


def _answered(answer: Answer, words: Words) -> Iterator[str]:
    by_number = {citation.number: citation for citation in answer.citations}
    for block in answer.text.split("\n\n"):
        yield _block_html(block, by_number, words, None if block.startswith("«") else way_of(answer.language))
    if answer.degraded:
        key = "degraded" if answer.mode == "extractive" else "degraded_partly"
        yield _note("", words[key].format(reason=words[f"reason_{answer.reason}"]), "dalil-note")
    yield _sources(answer, words)


def _refusal(answer: Answer, turn: Turn, words: Words) -> Iterator[str]:
    way = way_of(answer.language)
    said = element("p", isolated(answer.text, way))
    looked = turn.get("looked_for", "")
    terms = written(words["looked_for"].format(terms=looked), "p", cls="dalil-small") if looked else ""
    heading = element("strong", "∅ " + words["refused"])
    yield element("div", heading + said + terms, cls="dalil-refusal", role="note", dir=way)
    titles = [
        button(title, "open", written(title), cls="dalil-link", data_article=key, data_start="0", data_end="0")
        for key, title in turn.get("nearest", ())
    ]
    if titles:
        listed = "".join(element("li", title) for title in titles)
        yield element("div", element("h4", words["nearest"]) + element("ul", listed), cls="dalil-sources")


def _block_html(block: str, by_number: Mapping[int, Citation], words: Words, way: str | None = None) -> str:
    """One block of an answer; a marker whose citation is known becomes a chip, another one looks like it."""
    way = way or direction(MARKER.sub("", block))
    parts, at = [], 0
    for match in MARKER.finditer(block):
        numbers = _NUMBER.findall(match.group())
        chips = "".join(_chip(int(number), by_number.get(int(number)), words) for number in numbers)
        parts.append(_tied(block[at : match.start()].rstrip(), chips, way))
        at = match.end()
    parts.append(isolated(block[at:], way))
    return element("p", "".join(parts), cls="dalil-quote" if block.startswith("«") else "dalil-block", dir=way)


def _tied(text: str, chips: str, way: str) -> str:
    """Text and its chips, which stay on the line of its last word, unless that is part of a run that is isolated."""
    start = text.rfind(" ") + 1
    before, last = isolated(text[:start], way), isolated(text[start:], way)
    if before + last != isolated(text, way):
        return isolated(text, way) + chips
    return before + element("span", last + chips, cls="dalil-tied")


def _chip(number: int, citation: Citation | None, words: Words) -> str:
    if citation is None:
        return element("span", str(number), cls="dalil-chip", aria_hidden="true")
    label = words["cite"].format(number=number, title=citation.title)
    return element(
        "button",
        str(number),
        type="button",
        cls="dalil-chip",
        data_act="open",
        data_verdict=citation.verdict,
        data_quote=citation.quote,
        data_way=direction(citation.quote),
        aria_label=label,
        **_place(citation),
    )


def _place(citation: Citation) -> dict[str, str]:
    return {"data_article": citation.article_id, "data_start": str(citation.start), "data_end": str(citation.end)}


def _sources(answer: Answer, words: Words) -> str:
    """The sources that were used: the articles of quotes, or the words that a model's sentences rest on."""
    listed = _quoted_articles(answer, words) if answer.mode == "extractive" else _quotes(answer, words)
    return element("div", element("h4", words["sources"]) + listed, cls="dalil-sources")


def _quoted_articles(answer: Answer, words: Words) -> str:
    by_article: dict[str, list[Citation]] = {}
    for citation in answer.citations:
        by_article.setdefault(citation.article_id, []).append(citation)
    rows = [_title(cited[0]) + "".join(_chip(one.number, one, words) for one in cited) for cited in by_article.values()]
    return element("ul", "".join(element("li", row) for row in rows), cls="dalil-plain")


def _quotes(answer: Answer, words: Words) -> str:
    """Each quote in its own language, with how far it bears the sentence out."""
    rows = []
    for citation in answer.citations:
        badge = element("span", words[citation.verdict], cls="dalil-badge", data_verdict=citation.verdict)
        row = _title(citation) + " " + badge + written(citation.quote, "blockquote")
        rows.append(element("li", row, value=str(citation.number)))
    return element("ol", "".join(rows))


def _title(citation: Citation) -> str:
    return button(citation.title, "open", written(citation.title), cls="dalil-link", **_place(citation))


def _actions(turn: Turn, at: int, words: Words) -> str:
    number = str(at)
    icons = [button(words["again"], "again", "↻", cls="dalil-icon", data_turn=number)]
    if "answer" in turn:
        icons.insert(0, button(words["copy"], "copy", "⧉", cls="dalil-icon", data_copy=as_markdown([turn])))
        rated = turn.get("rated")
        for rating, key, sign in (("up", "good", "👍"), ("down", "bad", "👎")):
            icons.append(
                button(
                    words[key],
                    "rate",
                    sign,
                    cls="dalil-icon",
                    data_turn=number,
                    data_rating=rating,
                    aria_pressed="true" if rated == rating else "false",
                )
            )
    chips = ""
    if turn.get("rated") == "down" and not turn.get("reason"):
        reasons = [
            button(words[key], "rate", data_turn=number, data_rating="down", data_reason=key) for key in _REASONS
        ]
        chips = element("div", element("span", words["why_bad"]) + "".join(reasons), cls="dalil-reasons")
    elif turn.get("rated"):
        chips = element("span", words["thanks"], cls="dalil-small")
    return element("div", "".join(icons) + chips, cls="dalil-actions")


def _why(why: Mapping[str, Any], words: Words) -> str:
    """What `explain` shows: each passage's signals, and the forms in it that met the question's words."""
    rows = [
        element("li", "".join((
            button(hit["title"], "open", written(hit["title"]), cls="dalil-link", data_article=hit["article_id"],
                   data_start=str(hit["start"]), data_end=str(hit["end"])),
            element("p", words["signals"].format(**{name: f"{value:.2f}" for name, value in hit["signals"].items()})),
            written(words["matched"].format(forms=_forms(hit["matched"])), "p") if hit["matched"] else "",
        )))
        for hit in why["hits"]
    ]  # fmt: skip
    chance = element("p", words["probability"].format(value=f"{why['probability']:.2f}"))
    summary = element("summary", words["why_found"])
    return element("details", summary + chance + element("ol", "".join(rows)), cls="dalil-why")


def _forms(matched: Mapping[str, Sequence[str]]) -> str:
    return " · ".join(f"{asked} ← {'، '.join(forms)}" for asked, forms in matched.items())


def as_markdown(turns: Sequence[Turn]) -> str:
    """Turns with their citations, to be pasted or kept."""
    said = []
    for turn in turns:
        said.append(f"**{turn['question']}**")
        if "answer" in turn:
            answer = turn["answer"]
            said.append(answer["text"])
            said += [f"[{one['number']}] {reference(one)}" for one in answer["citations"]]
        said += [turn["error"]] if "error" in turn else []
    return "\n\n".join(said) + "\n"


def reference(citation: Mapping[str, Any]) -> str:
    """A citation as one writes it."""
    where = f"{citation['article_id']}, {citation['start']}–{citation['end']}"
    url = f" {citation['url']}" if citation.get("url") else ""
    return f"«{' '.join(citation['quote'].split())}» — {citation['title']} ({where}){url}"
