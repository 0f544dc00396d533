"""How well the verifier tells true sentences from false ones where neither was written for it.

The sentences are those of a SQuAD set in two languages that hold an answer: as they stand, and with the answer to
another question in place of theirs. Each is verified against the chunks of its paragraph in the corpus' language, as a
model would cite them.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from eval.datasets import Dataset, Question, read_squad
from eval.run import open_temporary_assistant
from ingest.indexer import Progress
from rag.answering.assistant import Assistant
from rag.grounding.verifier import verify_draft
from rag.language.document import Document
from rag.language.normalize import fold_text
from rag.settings import Settings
from rag.types import Filters

_MAX_ANSWER_WORDS = 4
"""Longer answers are clauses."""
_TOP_K = 50
"""More chunks than a paragraph has."""
_END_MARKS = ".؟?!"


class AnswerSentence(NamedTuple):
    """A sentence with a short answer in it.

    Attributes
    ----------
    article_id : str
        Of the paragraph in the corpus' language.
    sentence : str
        In either language.
    answer : str
        As it stands in the sentence.
    is_name : bool
        Whether the answer is a name.
    """

    article_id: str
    sentence: str
    answer: str
    is_name: bool

    def with_answer(self, answer: str) -> str:
        """The sentence with another answer in place of its own."""
        return self.sentence.replace(self.answer, answer, 1)


def measure_substitutions(settings: Settings, corpus: Path, parallel: Path, progress: Progress) -> dict[str, Any]:
    """The number of sentences and the share that is flagged as unverified, by kind and language.

    A share of 0 is best for true sentences, of 1 for those with a substituted answer.

    Parameters
    ----------
    settings : Settings
        All but the place of the index is taken from them.
    corpus : Path
        SQuAD-format file whose paragraphs are the passages.
    parallel : Path
        The same set in the other language.
    progress : callable
        Called after every batch that is indexed.
    """
    own, translated = read_squad(corpus), read_squad(parallel)
    texts = {article.id: article.text for article in own.articles}
    flags: dict[str, list[bool]] = defaultdict(list)
    with open_temporary_assistant(settings, own.articles, progress) as assistant:
        for is_own in (True, False):
            sentences = find_answer_sentences(own, translated, is_own)
            for true, false_statement in substitute_answers(sentences, texts):
                kind, language = "name" if true.is_name else "thing", Document(true.sentence).language
                flags[f"true, {language}"].append(_is_flagged(assistant, true.article_id, true.sentence))
                flags[f"another {kind}, {language}"].append(_is_flagged(assistant, true.article_id, false_statement))
    return {
        name: {"sentences": len(values), "flagged": round(sum(values) / len(values), 4)}
        for name, values in sorted(flags.items())
    }


def find_answer_sentences(corpus: Dataset, parallel: Dataset, is_own: bool) -> list[AnswerSentence]:
    """The sentences that hold the answer to a question of both sets, each once.

    Parameters
    ----------
    corpus, parallel : Dataset
        A set in two languages, whose questions have the same ids.
    is_own : bool
        Whether to take the sentences of `corpus`, or those of `parallel`.
    """
    translations = {question.id: question for question in parallel.questions}
    texts = {article.id: article.text for dataset in (corpus, parallel) for article in dataset.articles}
    found: dict[str, AnswerSentence] = {}
    for question in corpus.questions:
        pair = (question, translations.get(question.id, question))
        if question.id not in translations or not all(each.answers and each.article_id for each in pair):
            continue
        # Capitals tell names, in the one of the two languages that has them.
        is_name = any(each.answers[0].text[:1].isupper() for each in pair)
        sentence = _find_sentence(pair[0 if is_own else 1], texts)
        if sentence is not None:
            answer = pair[0 if is_own else 1].answers[0].text
            found.setdefault(sentence, AnswerSentence(question.article_id or "", sentence, answer, is_name))
    return list(found.values())


def substitute_answers(
    sentences: Sequence[AnswerSentence], texts: Mapping[str, str]
) -> Iterator[tuple[AnswerSentence, str]]:
    """Each sentence with a false statement made of it; those for which there is no other answer are left out.

    Parameters
    ----------
    sentences : sequence of AnswerSentence
        In one language. The answers of the others of the same kind and length are put in.
    texts : mapping of str to str
        The paragraphs by article id: an answer that stands in a sentence's own paragraph is not put in it.
    """
    draw = random.Random(1)
    for sentence in sentences:
        known = fold_text(texts[sentence.article_id] + sentence.sentence)
        others = {
            other.answer
            for other in sentences
            if other.is_name == sentence.is_name
            and len(other.answer.split()) == len(sentence.answer.split())
            and fold_text(other.answer) not in known
        }
        if others:
            yield sentence, sentence.with_answer(draw.choice(sorted(others)))


def _find_sentence(question: Question, texts: Mapping[str, str]) -> str | None:
    """The sentence around a question's answer; None where the answer is long, holds a digit or crosses sentences."""
    answer = question.answers[0]
    if len(answer.text.split()) > _MAX_ANSWER_WORDS or re.search(r"\d", answer.text):
        return None
    text = texts[question.article_id or ""]
    spans = Document(text).sentences
    sentence = next((text[slice(*span)].strip() for span in spans if span.start <= answer.start < span.end), "")
    return sentence if answer.text in sentence else None


def _is_flagged(assistant: Assistant, article_id: str, statement: str) -> bool:
    query = statement[: assistant.settings.max_question_chars]
    hits = assistant.search(query, _TOP_K, Filters(articles=(article_id,))).hits
    markers = "".join(f"[{number}]" for number in range(1, len(hits) + 1))
    draft = f"{statement.rstrip(_END_MARKS)} {markers}."
    return not verify_draft(draft, hits, assistant.similarity(hits), Document(statement).language).is_supported
