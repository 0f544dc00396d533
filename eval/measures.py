"""Scores of single questions, and measures of whole sets. Every question counts: a failure scores 0."""

import re
from collections.abc import Callable, Sequence

import ir_measures
import numpy as np
from ir_measures import RR, Measure, Qrel, R, ScoredDoc, nDCG
from numpy.typing import NDArray

from eval.matching import measure_exact_match, measure_f1
from eval.run import QuestionResult
from rag.language.direction import direction
from rag.language.languages import PROFILES
from rag.types import Answer, AnswerState

ARTICLE_MEASURES: tuple[Measure, ...] = (nDCG @ 10, R @ 1, R @ 3, R @ 10, RR @ 10)
MAIN_MEASURE = str(ARTICLE_MEASURES[0])
ANSWER_MEASURES = (
    "quote@1", "quote@2", "direct answer", "direct EM", "direct F1", "answered", "unsure", "refused", "refused inside",
    "abstained", "right language",
)  # fmt: skip
"""Of what the reader sees; all others are of the search."""
MAX_FALSE_ABSTENTIONS = 0.05
"""Share of the answerable questions at which abstention is measured."""
_QUOTE_DEPTHS = (1, 2)
_INSIDE = "inside"
_ANSWER_CHUNK = "the chunk with the answer"
_QUOTED = re.compile("«.*»|“.*”")  # in a line, with whatever quotes stand inside

QuestionScores = dict[str, dict[str, float]]
"""By measure, then by question id."""


def score_questions(results: Sequence[QuestionResult]) -> QuestionScores:
    """Every measure that a question has.

    Returns
    -------
    QuestionScores
        Where answers were made, those of what the reader sees. Of answerable questions: `quote@1`, `quote@2`, whether
        the first or one of the first two quotes holds the answer; `direct answer`, whether one is given; its `direct
        EM` and `direct F1`; `answered` (with or without a doubt); `unsure` (answered in doubt). Of others: `refused`,
        `refused inside` (those inside a subject of the articles), `abstained` (refused or in doubt). Of all: `right
        language`.
        Of the search: trec_eval's measures over articles; the same over chunks that hold the whole answer (`answer
        ...`).
        Measures that no question has are left out.
    """
    with_article = [result for result in results if result.question.relevant]
    with_answer = [result for result in with_article if result.question.answers]
    has_answers = any(result.answer is not None for result in results)
    scores = _score_answers(results) if has_answers else {}
    scores |= _score_rankings("", with_article, _rank_articles, lambda result: dict(result.question.relevant))
    scores |= _score_rankings("answer ", with_answer, _rank_chunks, lambda result: {_ANSWER_CHUNK: 1})
    return {name: values for name, values in scores.items() if values}


def average_scores(scores: QuestionScores) -> dict[str, float]:
    """The mean of each measure over all its questions."""
    return {name: round(float(np.mean(list(values.values()))), 4) for name, values in scores.items()}


def measure_abstention(results: Sequence[QuestionResult]) -> dict[str, float]:
    """How well the probability tells answerable from unanswerable questions.

    Returns
    -------
    dict of str to float
        `AUROC`, and the share of unanswerable questions that is refused when 5 % of the answerable ones are; empty
        without both kinds.
    """
    is_answerable = np.array([bool(result.question.relevant) for result in results])
    probability = np.array([result.probability for result in results])
    if is_answerable.all() or not is_answerable.any():
        return {}
    threshold = np.quantile(probability[is_answerable], MAX_FALSE_ABSTENTIONS)
    return {
        "AUROC": round(_compute_auroc(probability[is_answerable], probability[~is_answerable]), 4),
        "refused at 5 % false": round(float((probability[~is_answerable] < threshold).mean()), 4),
    }


def _compute_auroc(higher: NDArray[np.float64], lower: NDArray[np.float64]) -> float:
    """How often a value of the one lies above one of the other; a tie counts half (Mann and Whitney)."""
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, "left") + np.searchsorted(ordered, higher, "right")
    return float(below.mean() / 2 / len(lower))


def _score_rankings(
    prefix: str,
    results: Sequence[QuestionResult],
    rank: Callable[[QuestionResult], list[str]],
    judge: Callable[[QuestionResult], dict[str, int]],
) -> QuestionScores:
    """trec_eval's measures of rankings, each a list of keys, against the grades of the right keys."""
    qrels = [Qrel(result.question.id, key, grade) for result in results for key, grade in judge(result).items()]
    # Scores by rank, not those of the hits: ties would otherwise be broken by the key.
    run = [
        ScoredDoc(result.question.id, key, 1.0 / (1 + at)) for result in results for at, key in enumerate(rank(result))
    ]
    scores: QuestionScores = {
        f"{prefix}{measure}": {result.question.id: 0.0 for result in results} for measure in ARTICLE_MEASURES
    }
    for metric in ir_measures.iter_calc(ARTICLE_MEASURES, qrels, run) if run else ():
        scores[f"{prefix}{metric.measure}"][metric.query_id] = float(metric.value)
    return scores


def _rank_articles(result: QuestionResult) -> list[str]:
    return [key for key, _ in result.articles]


def _rank_chunks(result: QuestionResult) -> list[str]:
    """The chunks; the first one that holds the answer is the relevant one."""
    keys = [f"chunk {at}" for at in range(len(result.chunks_with_answer))]
    if True in result.chunks_with_answer:
        keys[result.chunks_with_answer.index(True)] = _ANSWER_CHUNK
    return keys


def direct_text(answer: Answer | None) -> str | None:
    """The direct answer that stands before the quotes; None where there is none."""
    return answer.answer.text if answer and answer.answer else None


def _score_answers(results: Sequence[QuestionResult]) -> QuestionScores:
    """The measures of what the reader sees; a question that could not be asked shows nothing, and is wrong in each."""
    answerable = [result for result in results if result.question.relevant]
    others = [result for result in results if not result.question.relevant]
    inside = [result for result in others if result.question.distance == _INSIDE]
    scores = _score_shown_answers([result for result in answerable if result.question.answers])
    scores["answered"] = {result.question.id: float(_state(result) in ("answered", "unsure")) for result in answerable}
    scores["unsure"] = {result.question.id: float(_state(result) == "unsure") for result in answerable}
    scores["refused"] = {result.question.id: float(_state(result) == "refused") for result in others}
    scores["refused inside"] = {result.question.id: scores["refused"][result.question.id] for result in inside}
    scores["abstained"] = {result.question.id: float(_state(result) in ("refused", "unsure")) for result in others}
    scores["right language"] = {result.question.id: float(_is_in_right_language(result)) for result in results}
    return scores


def _score_shown_answers(results: Sequence[QuestionResult]) -> QuestionScores:
    """Whether the gold answers are shown, in quotes and in direct answers."""
    scores: QuestionScores = {
        f"quote@{depth}": {result.question.id: float(any(result.quotes_with_answer[:depth])) for result in results}
        for depth in _QUOTE_DEPTHS
    }
    with_span = [result for result in results if not result.question.asks_passage]
    scores |= {"direct answer": {}, "direct EM": {}, "direct F1": {}}
    for result in with_span:
        key, text = result.question.id, direct_text(result.answer)
        right = [*(answer.text for answer in result.question.answers), *result.question.renderings]
        scores["direct answer"][key] = float(text is not None)
        scores["direct EM"][key] = measure_exact_match(text or "", right)
        scores["direct F1"][key] = measure_f1(text or "", right)
    return scores


def _state(result: QuestionResult) -> AnswerState | None:
    """What was made of a question; None when it could not be asked."""
    return result.answer.state if result.answer else None


def _is_in_right_language(result: QuestionResult) -> bool:
    """Whether the answer names the question's language, and the words around its quotes are in that script."""
    answer = result.answer
    if answer is None or answer.language != result.question.language:
        return False
    own_words = _QUOTED.sub("", answer.text)
    return direction(own_words) == PROFILES[answer.language].direction
