"""From candidates that were ranked to hits: the best of committed articles, each passage once."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.retrieval.repeats import Repeats
from rag.store import Candidate, Candidates, Store
from rag.types import Article, Hit, Scores

Floats = NDArray[np.float64]


class BestHits(NamedTuple):
    """The best of some candidates.

    Attributes
    ----------
    hits : list of Hit
        Best first.
    replaced : frozenset of str
        Ids of articles of which another revision alone was found.
    repeats : int
        Candidates that were left out since a hit of another article says the same.
    """

    hits: list[Hit]
    replaced: frozenset[str]
    repeats: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates in order.

    Attributes
    ----------
    candidates : Candidates
        That were found.
    scores : array of float
        Of each in every representation, (candidates, representations).
    values : array of float
        One number for each, greatest best.
    order : list of int
        Their places among the candidates, best first.
    """

    candidates: Candidates
    scores: Floats
    values: Floats
    order: list[int] = field(init=False)

    def __post_init__(self) -> None:
        keys = self.candidates.keys
        best_first = sorted(range(len(keys)), key=lambda at: (-self.values[at], keys[at]))
        object.__setattr__(self, "order", best_first)


def choose_hits(store: Store, ranking: Ranking, top_k: int) -> BestHits:
    """The best candidates whose revision is committed, as hits with their articles.

    Where several articles say the same, what the first of them says stands for the others.

    Parameters
    ----------
    store : Store
        That has the articles.
    ranking : Ranking
        Of what was found.
    top_k : int
        Hits at most.
    """
    candidates, order = ranking.candidates, ranking.order
    hits: list[Hit] = []
    articles: dict[str, Article] = {}
    other: set[str] = set()
    repeats, left_out = Repeats(candidates), 0
    for first in range(0, len(order), top_k):
        group = [(at, candidates[at]) for at in order[first : first + top_k]]
        # Each article is read once: all hits of one answer are of one revision.
        articles |= store.get_articles({one.article_id for _, one in group} - articles.keys())
        for at, candidate in group:
            article = articles.get(candidate.article_id)
            if article is not None and article.revision == candidate.revision:
                hit = _make_hit(
                    article, candidate, round(float(ranking.values[at]), 6), Scores(*ranking.scores[at].tolist())
                )
                if repeats.is_repeat(hit):
                    left_out += 1
                else:
                    hits.append(hit)
                    repeats.add(article)
            elif article is not None:
                other.add(article.id)
        if len(hits) >= top_k:
            break
    return BestHits(hits[:top_k], frozenset(other - {hit.article.id for hit in hits}), left_out)


def _make_hit(article: Article, candidate: Candidate, score: float, scores: Scores) -> Hit:
    return Hit(article, *candidate.span, candidate.language, candidate.sentences, score, scores, candidate.id)
