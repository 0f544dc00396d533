"""What the checking lets through of sentences that were not written for it: those of a SQuAD set in two languages that
hold an answer, as they stand, and with the answer to another question put in place of theirs.

Each is put before the chunks of the paragraph in the corpus' language, as a model would cite them.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from eval.datasets import Dataset, Question, squad
from eval.run import Progress, temporary
from rag.answering.assistant import Assistant
from rag.grounding.verifier import verify
from rag.language.text import folded, language, sentences
from rag.settings import Settings
from rag.types import Filters, Hit

_MOST_WORDS = 4
"""Of an answer: longer ones are clauses."""
_ALL = 50


class Told(NamedTuple):
    """A sentence with a short answer in it; `name`: the answer is one."""

    article: str
    sentence: str
    answer: str
    name: bool

    def with_other(self, answer: str) -> str:
        """The sentence with another answer."""
        return self.sentence.replace(self.answer, answer, 1)


def summary(settings: Settings, corpus: Path, parallel: Path, progress: Progress) -> dict[str, Any]:
    """The share of sentences that is flagged, by language and kind: 0 is best for true ones, 1 for the others."""
    ours, theirs = squad(corpus), squad(parallel)
    found: dict[str, list[bool]] = defaultdict(list)
    with temporary(settings, ours.articles, progress) as assistant:
        texts = {article.id: article.text for article in ours.articles}
        for own in (True, False):
            for true, lie in planted(told(ours, theirs, own), texts):
                kind = "name" if true.name else "thing"
                spoken = language(true.sentence)
                found[f"true, {spoken}"].append(_flagged(assistant, true.article, true.sentence))
                found[f"another {kind}, {spoken}"].append(_flagged(assistant, true.article, lie))
    return {
        name: {"sentences": len(values), "flagged": round(sum(values) / len(values), 4)}
        for name, values in sorted(found.items())
    }


def told(ours: Dataset, theirs: Dataset, own: bool) -> list[Told]:
    """The sentences, in the corpus' own language or in the other, each once."""
    others = {question.id: question for question in theirs.questions}
    texts = {article.id: article.text for each in (ours, theirs) for article in each.articles}
    found: dict[str, Told] = {}
    for question in ours.questions:
        other = others.get(question.id)
        if other is not None and question.answers and other.answers and question.article_id and other.article_id:
            names = any(each.answers[0].text[:1].isupper() for each in (question, other))
            held = _sentence(question if own else other, texts)
            if held is not None:
                found.setdefault(held[0], Told(question.article_id, *held, names))
    return list(found.values())


def _sentence(question: Question, texts: dict[str, str]) -> tuple[str, str] | None:
    answer = question.answers[0]
    text = texts[question.article_id or ""]
    holds = next((span for span in sentences(text) if span.start <= answer.start < span.end), None)
    short = len(answer.text.split()) <= _MOST_WORDS and not re.search(r"\d", answer.text)
    sentence = text[slice(*holds)].strip() if holds else ""
    return (sentence, answer.text) if short and answer.text in sentence else None


def planted(sayings: Sequence[Told], texts: dict[str, str]) -> Iterator[tuple[Told, str]]:
    """Each sentence with a lie: an answer of the same kind and length that its paragraph does not hold."""
    draw = random.Random(1)
    for one in sayings:
        said = folded(texts[one.article] + one.sentence)
        others = sorted(
            {
                other.answer
                for other in sayings
                if other.name == one.name
                and len(other.answer.split()) == len(one.answer.split())
                and folded(other.answer) not in said
            }
        )
        if others:
            yield one, one.with_other(draw.choice(others))


def _flagged(assistant: Assistant, article: str, statement: str) -> bool:
    hits = _chunks(assistant, article, statement)
    markers = "".join(f"[{number}]" for number in range(1, len(hits) + 1))
    found = verify(f"{statement.rstrip('.؟?!')} {markers}.", hits, assistant.nearness(hits), language(statement))
    return not found.supported


def _chunks(assistant: Assistant, article: str, statement: str) -> Sequence[Hit]:
    question = statement[: assistant.settings.max_question_chars]
    return assistant.search(question, _ALL, Filters(articles=(article,))).hits
