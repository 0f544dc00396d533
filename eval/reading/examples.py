"""What the reader learns from: the windows that it would be given for questions of the sets, with what answers."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval.datasets import Dataset, Question
from eval.run import open_temporary_assistant
from rag.answering.assistant import Assistant
from rag.answering.candidates import MAX_HITS_READ, ScoredSentence, score_sentences
from rag.answering.window import build_window
from rag.embedding.word_pieces import WordPieces
from rag.language.name_spelling import write_names
from rag.language.normalize import fold_text
from rag.retrieval.retriever import RetrievalResult
from rag.settings import Settings
from rag.types import Article, Filters, Span

ExampleKind = Literal["answered", "missed", "unanswered", "removed", "absent"]
"""The window holds the answer; it is among sentences that did not fit or were not found; the set says that there is
none; its sentences were taken out of the window; its article was taken out of the collection."""
WRITTEN_PREFIX = "written-"
"""How the id of a question begins that was written for the reader."""
FOLDS = 6
"""One of them is enough to judge on: some 600 questions of the sets, and more that were written over its articles."""
HELD_OUT_FOLD = 0
"""That is left out of what the product ships."""
_TOP_K = 8
_REMOVED_SHARE, _ABSENT_SHARE = 0.5, 0.25
"""Of the questions, that are also learned from without their answer in the window, or in the collection. Training turns
to these less often than to their answers."""


class LabelledSentence(NamedTuple):
    """A sentence of a window.

    Attributes
    ----------
    tokens : Span
        Of the window's.
    score : float
        As the search has it.
    answers : bool
        Whether the set says that it answers.
    may_answer : bool
        Whether it holds the words of the answer elsewhere than where the set says.
    """

    tokens: Span
    score: float
    answers: bool
    may_answer: bool


@dataclass(frozen=True, slots=True)
class Example:
    """A window with what is right.

    Attributes
    ----------
    set_name, question, group : str
        Where it is from; what is of one group is never in two folds.
    kind : ExampleKind
        What the window holds.
    ids : array of int32
        Word pieces.
    question_tokens : int
        How many of them are the question's.
    sentences : list of LabelledSentence
        In the window's order.
    probability : float
        As the search has it.
    answer : (int, Span) or None
        The place of the sentence that answers, and the tokens of the window that do.
    """

    set_name: str
    question: str
    group: str
    kind: ExampleKind
    ids: NDArray[np.int32]
    question_tokens: int
    sentences: list[LabelledSentence]
    probability: float
    answer: tuple[int, Span] | None

    @property
    def key(self) -> bytes:
        """Of the window: the same for the same pieces and sentences."""
        places = np.array([sentence.tokens for sentence in self.sentences], np.int32)
        return blake2b(self.ids.tobytes() + places.tobytes(), digest_size=8).digest()


def fold_of(group: str) -> int:
    """In which fold a group of articles is."""
    return blake2b(group.encode(), digest_size=4).digest()[0] % FOLDS


class QuestionSet(NamedTuple):
    """A set to learn from.

    Attributes
    ----------
    name : str
        Of the set.
    dataset : Dataset
        Its articles and questions.
    group : callable
        From an article's id to what must not be in two folds.
    has_spans : bool
        Whether its answers are words within a sentence; else whole sentences.
    is_withheld : bool
        Whether its questions are also asked of a collection without their articles.
    """

    name: str
    dataset: Dataset
    group: Callable[[str], str]
    has_spans: bool = True
    is_withheld: bool = True

    def fold_of(self, question: Question) -> int:
        """In which fold a question is."""
        article = question.page or _article_of(question)
        return fold_of(self.group(article) if article else question.id)


def collect_examples(settings: Settings, sets: Iterable[QuestionSet]) -> Iterator[Example]:
    """The examples of all sets.

    Parameters
    ----------
    settings : Settings
        All but the place of the index is taken from them.
    sets : iterable of QuestionSet
        To learn from.
    """
    for one in sets:
        articles = list(one.dataset.articles)
        with open_temporary_assistant(settings, articles) as assistant:
            for question in one.dataset.questions:
                yield from _make_examples(assistant, one, question)
        if one.is_withheld:
            yield from _withhold(settings, one, articles)


def _withhold(settings: Settings, one: QuestionSet, articles: Sequence[Article]) -> Iterator[Example]:
    """Each question asked of the half of the collection that does not hold its article."""
    groups = sorted({one.group(article.id) for article in articles})
    random.Random(0).shuffle(groups)
    first = set(groups[: len(groups) // 2])
    for half in (True, False):
        kept = [article for article in articles if (one.group(article.id) in first) == half]
        with open_temporary_assistant(settings, kept) as assistant:
            for question in one.dataset.questions:
                if not _is_among(question, _ABSENT_SHARE, "absent"):
                    continue
                if question.relevant and (one.group(_article_of(question)) in first) != half:
                    labels = _Labels(one, question)
                    result = assistant.search(question.text, _TOP_K, reads=MAX_HITS_READ)
                    scored = [sentence for sentence in _score(assistant, result) if not labels.may_answer(sentence)]
                    yield from _make_example(assistant, one, question, result, scored, "absent")


def _make_examples(assistant: Assistant, one: QuestionSet, question: Question) -> Iterator[Example]:
    labels = _Labels(one, question)
    for filters in [Filters(), *([Filters(articles=(question.page,))] if question.page else [])]:
        result = assistant.search(question.text, _TOP_K, filters, reads=MAX_HITS_READ)
        scored = _score(assistant, result)
        kind: ExampleKind = "missed" if question.answers else "unanswered"
        for example in _make_example(assistant, one, question, result, scored, kind):
            yield example
            if example.kind == "answered" and _is_among(question, _REMOVED_SHARE, "removed"):
                others = [sentence for sentence in scored if not labels.may_answer(sentence)]
                yield from _make_example(assistant, one, question, result, others, "removed")


def _make_example(
    assistant: Assistant,
    one: QuestionSet,
    question: Question,
    result: RetrievalResult,
    scored: Sequence[ScoredSentence],
    kind: ExampleKind,
) -> Iterator[Example]:
    assert assistant.encoder.pieces is not None
    pieces = assistant.encoder.pieces.without_marks()
    window = build_window(write_names(question.text, result.spellings), scored, pieces)
    if not window.sentences:
        return
    labels = _Labels(one, question)
    answers = [labels.answers(sentence) for sentence, _ in window.sentences]
    if kind == "missed" and any(answers):
        kind = "answered"
    sentences = [
        LabelledSentence(tokens, sentence.score, right, labels.may_answer(sentence))
        for (sentence, tokens), right in zip(window.sentences, answers, strict=True)
    ]
    found = (labels.locate(sentence, tokens, pieces) for sentence, tokens in window.sentences)
    answer = next(((at, span) for at, span in enumerate(found) if span), None) if kind == "answered" else None
    ids = np.array(window.ids, np.int32)
    article = question.page or _article_of(question)
    group = one.group(article) if article else question.id
    name = f"{one.name}, written" if question.id.startswith(WRITTEN_PREFIX) else one.name
    yield Example(name, question.text, group, kind, ids, window.question_tokens, sentences, result.probability, answer)


class _Labels:
    """What a set says of the sentences of its articles."""

    def __init__(self, one: QuestionSet, question: Question) -> None:
        self._question, self._has_spans = question, one.has_spans
        self._words = [_key(answer.text) for answer in question.answers if _key(answer.text)]

    def answers(self, sentence: ScoredSentence) -> bool:
        """Whether a sentence holds, or lies within, an answer where the set says that it stands."""
        start, end = sentence.span
        return sentence.hit.article.id in self._question.relevant and any(
            start <= answer.start < end or (answer.start <= start and end <= answer.start + len(answer.text))
            for answer in self._question.answers
        )

    def may_answer(self, sentence: ScoredSentence) -> bool:
        """Whether it answers, or holds the words that do."""
        return self.answers(sentence) or any(words in _key(sentence.text) for words in self._words)

    def locate(self, sentence: ScoredSentence, tokens: Span, pieces: WordPieces) -> Span | None:
        """The tokens of a window that are the answer within one of its sentences."""
        if not self._has_spans or not self.answers(sentence):
            return None
        places = pieces.encode_with_spans(sentence.text).spans[: tokens.end - tokens.start]
        for answer in self._question.answers:
            start = answer.start - sentence.span.start
            inside = [
                at for at, place in enumerate(places) if place.end > start and place.start < start + len(answer.text)
            ]
            if start >= 0 and inside:
                return Span(tokens.start + inside[0], tokens.start + inside[-1] + 1)
        return None


def _score(assistant: Assistant, result: RetrievalResult) -> list[ScoredSentence]:
    vectors = assistant.store.sentence_vectors([hit.chunk_id for hit in result.hits[:MAX_HITS_READ]])
    return score_sentences(result, vectors)


def _is_among(question: Question, share: float, of_what: str) -> bool:
    """Whether a question is of a share of all, the same in each run."""
    return blake2b(f"{of_what} {question.text}".encode(), digest_size=1).digest()[0] < share * 256


def _article_of(question: Question) -> str:
    return next(iter(question.relevant), "")


def _key(text: str) -> str:
    return " ".join(fold_text(text).split())
