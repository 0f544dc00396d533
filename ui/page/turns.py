"""A question and its answer as HTML, and as Markdown: blocks, chips that open evidence, sources, what can be done."""

from collections.abc import Iterator, Sequence

from rag.addresses import web_address
from rag.answering.quotes import title_words
from rag.answering.references import format_title
from rag.language.direction import direction
from rag.types import Answer, Citation, Language
from ui.page.answer_blocks import AnswerBlock, find_common_place, render_blocks, render_live_block, split_answer
from ui.page.html import render_macro
from ui.page.labels import Labels
from ui.page.scope import Scope
from ui.page.storage import TERM_SEPARATOR, Explanation, Turn

_REASONS = ("bad_source", "bad_language", "bad_incomplete", "bad_false", "bad_refused")
_OPEN_BLOCKS, _MAX_OPEN_BLOCKS = 5, 7
"""Blocks of a long list that are seen at once, and how many are where a fold would hide only one or two."""
_CONFIDENCE_WORDS = ((0.9, "confidence_high"), (0.66, "confidence_fair"), (0.0, "confidence_low"))
"""Probabilities from which words are used: "very likely" and "likely" of the IPCC's guidance on uncertainty (2010)."""


def render_turn(turn: Turn, index: int, labels: Labels) -> list[str]:
    """A finished turn, part by part."""
    return [
        render_macro("turn", "question", question=turn.question, index=index, labels=labels),
        *_outcome_parts(turn, index, labels),
        _render_actions(turn, index, labels),
    ]


def render_live_turn(question: str, index: int, labels: Labels, text: str) -> list[str]:
    """A turn that is being answered: `text` is what there is of the answer."""
    return [
        render_macro("turn", "question", question=question, index=index, labels=labels),
        *(render_live_block(block, labels) for block in text.split("\n\n") if block),
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
    return f"«{' '.join(citation.quote.split())}» — {format_source(citation, language)}"


def format_source(citation: Citation, language: Language) -> str:
    """What a citation is of, as one writes it in a language: title, place and address."""
    place = f"{citation.article_id}, {citation.start}–{citation.end}"
    title = format_title(citation.title, citation.page, language, citation.section, citation.ocr)
    address = web_address(citation.url)  # the browser may have kept another one
    url = f" {address}" if address else ""
    return f"{title} ({place}){url}"


def _outcome_parts(turn: Turn, index: int, labels: Labels) -> Iterator[str]:
    if turn.error:
        yield _render_note(labels["error_title"], turn.error, "dalil-error")
    if turn.answer_json:
        yield _render_note("", labels["unreadable_turn"], "dalil-note")
    if turn.answer:
        yield from (
            _refusal_parts(turn.answer, turn, labels) if turn.answer.refused else _answer_parts(turn.answer, labels)
        )
        limits = Scope(tuple(turn.topics), tuple(turn.only_articles), turn.dates).describe(labels)
        if limits and turn.answer.state in ("unsure", "refused"):
            way = direction(labels["scope_was"])
            yield render_macro("turn", "searched_topics", topics=limits, index=index, way=way, labels=labels)
    if turn.stopped:
        yield _render_note("", labels["stopped"], "dalil-note")
    if turn.why:
        yield _render_explanation(turn.why, labels)


def _answer_parts(answer: Answer, labels: Labels) -> Iterator[str]:
    blocks = split_answer(answer)
    rendered = list(render_blocks(answer, labels))
    is_list = len(rendered) > _MAX_OPEN_BLOCKS and all(block.kind == "quote" for block in blocks[_OPEN_BLOCKS:])
    yield from rendered[:_OPEN_BLOCKS] if is_list else rendered
    if is_list:
        yield render_macro("turn", "folded_blocks", blocks=rendered[_OPEN_BLOCKS:], labels=labels)
    if answer.degraded:
        key = "degraded" if answer.mode == "extractive" else "degraded_partly"
        yield _render_note("", labels[key].format(reason=labels[f"reason_{answer.reason}"]), "dalil-note")
    if answer.citations:
        yield _render_sources(answer, blocks, labels)
    if answer.state == "answered" and answer.confidence is not None:
        words = next(key for least, key in _CONFIDENCE_WORDS if answer.confidence >= least)
        yield render_macro("turn", "confidence", words=labels[words], value=answer.confidence, labels=labels)


def _refusal_parts(answer: Answer, turn: Turn, labels: Labels) -> Iterator[str]:
    message = _without_titles(answer.text, [title for _, title in turn.nearest])
    yield render_macro(
        "turn",
        "refusal",
        message=message,
        language=answer.language,
        looked_for=[term for term in turn.looked_for.split(TERM_SEPARATOR) if term],
        subject=turn.subject,
        labels=labels,
    )
    if turn.nearest:
        yield render_macro("turn", "nearest", articles=turn.nearest, labels=labels)


def _without_titles(message: str, titles: Sequence[str]) -> str:
    """A refusal without its sentence that names the nearest articles, which are listed beneath it."""
    at = min((found for title in titles if (found := message.find(title_words(title))) > 0), default=len(message))
    return message if at == len(message) else message[: message.rfind(". ", 0, at) + 1] or message


def _render_note(title: str, message: str, cls: str) -> str:
    return render_macro("elements", "note", title=title, message=message, cls=cls)


def _render_sources(answer: Answer, blocks: Sequence[AnswerBlock], labels: Labels) -> str:
    """The sources that were used: the words that a model's sentences rest on, or the articles of quotes that no line
    before them has named, and where the quotes of the others stand if in several places."""
    if answer.mode == "generate":
        return render_macro("turn", "cited_quotes", citations=answer.citations, language=answer.language, labels=labels)
    by_article: dict[str, list[Citation]] = {}
    for citation in answer.citations:
        by_article.setdefault(citation.article_id, []).append(citation)
    named = {citation.article_id for block in blocks if block.kind == "lead" for citation in block.citations}
    shown_above = {key for key in named if find_common_place(answer.citations, key)}
    groups = [group for key, group in by_article.items() if key not in shown_above]
    return render_macro("turn", "cited_articles", groups=groups, named=named, language=answer.language, labels=labels)


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
