"""A question and its answer as HTML, and as Markdown: blocks, chips that open evidence, sources, what can be done."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rag.addresses import web_address
from rag.answering.quotes import quote_words
from rag.answering.references import format_title
from rag.grounding.markers import MARKER
from rag.language.direction import direction, find_embedded_runs
from rag.language.profile import Direction
from rag.types import Answer, Citation, Language
from ui.page.html import direction_of, render_macro
from ui.page.labels import Labels
from ui.page.storage import Explanation, Turn

_NUMBER = re.compile(r"\d+")
_REASONS = ("bad_source", "bad_language", "bad_incomplete", "bad_false", "bad_refused")
_QUOTE_START = "«"


class _Chip(NamedTuple):
    """A citation's number as a button; without its citation it only looks like one."""

    number: int
    citation: Citation | None


class _Piece(NamedTuple):
    """Text with the chips behind it. `tied_word` is the last word, kept on the line of the chips; `is_marked`: it is
    the answer within its quote."""

    text: str
    tied_word: str = ""
    chips: Sequence[_Chip] = ()
    is_marked: bool = False


def render_turn(turn: Turn, index: int, labels: Labels) -> list[str]:
    """A finished turn, part by part."""
    return [
        render_macro("turn", "question", question=turn.question, index=index, labels=labels),
        *_outcome_parts(turn, index, labels),
        _render_actions(turn, index, labels),
    ]


def render_live_turn(question: str, index: int, labels: Labels, state: str, text: str) -> list[str]:
    """A turn that is being answered: `text` is what there is of the answer, `state` what is being done."""
    return [
        render_macro("turn", "question", question=question, index=index, labels=labels),
        *(_render_block(block, {}, labels) for block in text.split("\n\n") if block),
        render_macro("turn", "progress", state=state),
    ]


def to_markdown(turns: Sequence[Turn]) -> str:
    """Turns with their citations, to be pasted or kept."""
    parts = []
    for turn in turns:
        parts.append(f"**{turn.question}**")
        if turn.answer:
            parts.append(turn.answer.text)
            language = turn.answer.language
            parts += [f"[{one.number}] {format_reference(one, language)}" for one in turn.answer.citations]
        parts += [turn.error] if turn.error else []
    return "\n\n".join(parts) + "\n"


def format_reference(citation: Citation, language: Language) -> str:
    """A citation as one writes it in a language."""
    place = f"{citation.article_id}, {citation.start}–{citation.end}"
    title = format_title(citation.title, citation.page, language, citation.section, citation.ocr)
    address = web_address(citation.url)  # the browser may have kept another one
    url = f" {address}" if address else ""
    return f"«{' '.join(citation.quote.split())}» — {title} ({place}){url}"


def _outcome_parts(turn: Turn, index: int, labels: Labels) -> Iterator[str]:
    if turn.error:
        yield _render_note(labels["error_title"], turn.error, "dalil-error")
    if turn.answer_json:
        yield _render_note("", labels["unreadable_turn"], "dalil-note")
    if turn.answer:
        yield from (
            _refusal_parts(turn.answer, turn, labels) if turn.answer.refused else _answer_parts(turn.answer, labels)
        )
        limits = [*turn.topics, *(title or article_id for article_id, title in turn.only_articles)]
        if limits and turn.answer.state in ("unsure", "refused"):
            way = direction(labels["scope_was"])
            yield render_macro("turn", "searched_topics", topics=limits, index=index, way=way, labels=labels)
    if turn.stopped:
        yield _render_note("", labels["stopped"], "dalil-note")
    if turn.why:
        yield _render_explanation(turn.why, labels)


def _answer_parts(answer: Answer, labels: Labels) -> Iterator[str]:
    by_number = {citation.number: citation for citation in answer.citations}
    marked = _words_of_answer(answer, by_number)
    for at, block in enumerate(answer.text.split("\n\n")):
        is_quote, is_direct = block.startswith(_QUOTE_START), at == 0 and answer.answer is not None
        way = None if is_quote or is_direct else direction_of(answer.language)
        kind = "direct" if is_direct else "quote" if is_quote else "block"
        yield _render_block(block, by_number, labels, way, kind, marked if is_quote else "")
    if answer.degraded:
        key = "degraded" if answer.mode == "extractive" else "degraded_partly"
        yield _render_note("", labels[key].format(reason=labels[f"reason_{answer.reason}"]), "dalil-note")
    if answer.citations:
        yield _render_sources(answer, labels)


def _refusal_parts(answer: Answer, turn: Turn, labels: Labels) -> Iterator[str]:
    yield render_macro("turn", "refusal", answer=answer, looked_for=turn.looked_for, labels=labels)
    if turn.nearest:
        yield render_macro("turn", "nearest", articles=turn.nearest, labels=labels)


def _render_note(title: str, message: str, cls: str) -> str:
    return render_macro("elements", "note", title=title, message=message, cls=cls)


def _words_of_answer(answer: Answer, by_number: Mapping[int, Citation]) -> str:
    """The words of the first quote that answer, as a quote shows them."""
    for span in answer.answer.spans if answer.answer else ():
        if citation := by_number.get(span.citation):
            return quote_words(citation.quote[span.start - citation.start : span.end - citation.start])
    return ""


def _render_block(
    block: str,
    by_number: Mapping[int, Citation],
    labels: Labels,
    way: Direction | None = None,
    kind: str = "",
    marked: str = "",
) -> str:
    """One block of an answer; a marker whose citation is known becomes a chip, another one looks like it. `marked` are
    words that answer."""
    way = way or direction(MARKER.sub("", block))
    pieces, at = [], 0
    for match in MARKER.finditer(block):
        numbers = map(int, _NUMBER.findall(match.group()))
        chips = [_Chip(number, by_number.get(number)) for number in numbers]
        text = block[at : match.start()].rstrip()
        before, words, after = text.partition(marked) if marked else ("", "", text)
        pieces += [_Piece(before), _Piece(words, is_marked=True)] if words else []
        pieces.append(_tie_chips(after if words else text, chips, way))
        at = match.end()
    pieces.append(_Piece(block[at:]))
    kind = kind or ("quote" if block.startswith(_QUOTE_START) else "block")
    return render_macro("turn", "block", pieces=pieces, way=way, kind=kind, labels=labels)


def _tie_chips(text: str, chips: Sequence[_Chip], way: Direction) -> _Piece:
    """Text whose last word stays on the line of its chips, unless that word is part of an isolated run."""
    start = text.rfind(" ") + 1
    splits_run = any(span.start < start < span.end for span in find_embedded_runs(text, way))
    return _Piece(text, "", chips) if splits_run else _Piece(text[:start], text[start:], chips)


def _render_sources(answer: Answer, labels: Labels) -> str:
    """The sources that were used: the articles of quotes, or the words that a model's sentences rest on."""
    if answer.mode == "generate":
        return render_macro("turn", "cited_quotes", citations=answer.citations, language=answer.language, labels=labels)
    by_article: dict[str, list[Citation]] = {}
    for citation in answer.citations:
        by_article.setdefault(citation.article_id, []).append(citation)
    groups = by_article.values()
    return render_macro("turn", "cited_articles", groups=groups, language=answer.language, labels=labels)


def _render_actions(turn: Turn, index: int, labels: Labels) -> str:
    copied = to_markdown([turn]) if turn.answer else ""
    return render_macro("turn", "actions", turn=turn, index=index, copied=copied, reasons=_REASONS, labels=labels)


def _render_explanation(why: Explanation, labels: Labels) -> str:
    """Each passage's scores, and the forms in it that match the question's words."""
    hits = [
        {
            "title": hit.title,
            "article_id": hit.article_id,
            "start": hit.start,
            "end": hit.end,
            "scores": labels["scores"].format(**{name: f"{value:.2f}" for name, value in hit.signals.items()}),
            "forms": " · ".join(f"{word} ← {'، '.join(forms)}" for word, forms in hit.matched.items()),
        }
        for hit in why.hits
    ]
    return render_macro("turn", "explanation", why={"probability": why.probability, "hits": hits}, labels=labels)
