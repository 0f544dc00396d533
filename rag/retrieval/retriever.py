"""From a question to ranked hits, with a probability that they hold the answer."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rag.embedding import Encoder, QueryVectors
from rag.embedding.bm25 import lexical_vector
from rag.errors import RerankError
from rag.language.document import Document
from rag.language.name_spelling import spell_names, write_names
from rag.language.normalize import normalize_for_embedding
from rag.retrieval.answerability import answerability_features
from rag.retrieval.calibration import Calibration, odds_of
from rag.retrieval.evidence import EvidenceReader
from rag.retrieval.hits import Ranking, choose_hits
from rag.retrieval.rerank import Reranker
from rag.store import REPRESENTATIONS, Candidates, SearchQuery, SentenceVectors, Store
from rag.trace import record_stages
from rag.types import NO_FILTERS, Filters, Hit, Language, SearchMode

Floats = NDArray[np.float64]

_CANDIDATES: dict[SearchMode, tuple[int, int]] = {"hybrid": (40, 10), "dense": (50, 0), "lexical": (0, 50)}
"""Chunks that dense vectors and lexical terms find; more where more are asked for. Right passages left out, of 612
Arabic and 612 English questions over 120 Arabic passages: by 40 and 20 0, 0; 40 and 10 0, 0; 36 and 12 0, 1; 30 and 20
0, 2. Each costs 0.03 ms, since every representation scores it."""
_RERANKED = 20
"""Hits that a reranker reads, when no more are asked for."""
_MAX_SEARCHES = 4
"""For one question, while articles that it finds are being replaced: each takes milliseconds, a replacement too."""
_MORE_CANDIDATES = 4
"""Times as many are found where too many say the same: of a document that is there in ten formats, 16 passages."""
_MIN_SPREAD = 1e-4
"""Dense scores nearer together than this say nothing about an embedder's scale."""
_STEM_WEIGHT = 1.6
"""BM25 weight of one stem of a question, `rag.embedding.bm25` over a short text."""

_ARTICLE_WEIGHT = 0.06
"""Of the best lexical score of an article's chunks, for each of its chunks in the other language. There a lexical match
is a name or a number, and one that an article has says more of what the article is about than of its chunk. Of 50 short
English questions over the sample articles ("What is the capital of Socotra?") the chunk that answers is among the first
four for 43 without it and for 46 from 0.05 to 0.13; of 90 longer ones (the gold set) it is the first for 0.811 and
0.833, and of 612 of XQuAD, whose paragraphs are an article each, the right one is first for 0.892 and 0.894, from
0.1 on for 0.887 and less."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """What was found for a question.

    Attributes
    ----------
    question : Document
        As it was searched for.
    language : Language
        Of the question.
    vectors : QueryVectors
        Of the question.
    hits : tuple of Hit
        Best first.
    probability : float
        That the articles hold the answer at all; calibrated for the hybrid ranking.
    threshold : float
        Below which the question should not be answered.
    features : dict of str to float
        What the probability was made from.
    timings_ms : dict of str to float
        Milliseconds of each stage.
    filters : Filters
        That restricted the search.
    spellings : mapping of str to str
        From names of the question to what the hits call them in another script, with which it was searched again.
    """

    question: Document
    language: Language
    vectors: QueryVectors
    hits: tuple[Hit, ...]
    probability: float
    threshold: float
    features: dict[str, float]
    timings_ms: dict[str, float]
    filters: Filters = NO_FILTERS
    spellings: Mapping[str, str] = field(default_factory=dict)


class HybridRetriever:
    """Dense, token, sentence and lexical scores of the chunks, fused by fitted weights.

    Parameters
    ----------
    store : Store
        That is searched.
    encoder : Encoder
        Of the questions.
    calibration : Calibration
        Weights and abstention models.
    top_k : int
        Hits, when no other number is asked for.
    reranker : Reranker, optional
        Puts the hits in order.
    """

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        calibration: Calibration,
        top_k: int = 8,
        reranker: Reranker | None = None,
    ) -> None:
        self._store, self._encoder, self._calibration = store, encoder, calibration
        self._top_k, self._reranker = top_k, reranker
        self._evidence = EvidenceReader(store)

    def search(
        self,
        question: str,
        top_k: int | None = None,
        filters: Filters = NO_FILTERS,
        mode: SearchMode = "hybrid",
        reads: int = 0,
    ) -> RetrievalResult:
        """Find the best chunks for a question.

        Parameters
        ----------
        question : str
            In any language that Dalil knows.
        top_k : int, optional
            Hits at most.
        filters : Filters
            Which articles may be searched.
        mode : SearchMode
            Ranked by all representations, or by one alone.
        reads : int
            Hits whose `sentence_vectors` are asked for next: a server is asked for them together with the articles.
            Where all of these are in another language and spell names of the question in its script, it is searched
            again with these: that finds their sentences better, though not the articles. Not with a reranker.

        Raises
        ------
        StoreError, EmbeddingError
            When the index or an embedding endpoint cannot be used.
        """
        found = self._search_once(Document(question), top_k, filters, mode, reads)
        # A reranker's endpoint is asked once for a question.
        spellings = {} if self._reranker else _spell_names(found.question, found.hits[:reads])
        if not spellings:
            return found
        spelled = Document(write_names(question, spellings), found.language)
        again = self._search_once(spelled, top_k, filters, mode, reads)
        return _merge_searches(found, again, spellings) if again.hits else found

    def _search_once(
        self, document: Document, top_k: int | None, filters: Filters, mode: SearchMode, reads: int
    ) -> RetrievalResult:
        started = time.perf_counter()
        lexical = lexical_vector(document)
        weighing = self._store.begin_weighing(lexical)
        vectors = self._encoder.embed_query(normalize_for_embedding(document.text))
        query = SearchQuery(vectors, lexical, weighing)
        embedded = time.perf_counter()
        wanted = top_k or self._top_k
        read = max(wanted, _RERANKED) if self._reranker and mode == "hybrid" else wanted
        hits, found = self._find_hits(query, document.language, filters, mode, read, 0 if self._reranker else reads)
        features = answerability_features(document, document.language, hits)
        probability, threshold = self._judge_answerability(document.language, hits, features)
        hits = self._rerank(document.text, hits) if mode == "hybrid" else hits
        done = time.perf_counter()
        record_stages(embed=(started, embedded), store=(embedded, found), rank=(found, done))
        timings = {"embed": embedded - started, "store": found - embedded, "rank": done - found}
        return RetrievalResult(
            question=document,
            language=document.language,
            vectors=vectors,
            hits=tuple(hits[:wanted]),
            probability=probability,
            threshold=threshold,
            features=features,
            timings_ms={name: round(1000 * seconds, 2) for name, seconds in timings.items()},
            filters=filters,
        )

    def sentence_vectors(self, hits: Sequence[Hit]) -> dict[str, SentenceVectors]:
        """The vectors of the hits' sentences, by chunk id: as the index keeps them or, for a chunk that has been
        replaced since it was found, made anew."""
        stored = self._evidence.read([hit.chunk_id for hit in hits])
        return {hit.chunk_id: stored.get(hit.chunk_id) or self._embed_sentences(hit) for hit in hits}

    def _embed_sentences(self, hit: Hit) -> SentenceVectors:
        texts = [hit.article.title, *(hit.article.text[slice(*span)] for span in hit.sentences)]
        parts = [normalize_for_embedding(text) for text in texts]
        passage = self._encoder.embed_passages([parts])[0]
        return SentenceVectors.split(passage.tokens, passage.counts, self._encoder.embed_sentences(parts[1:]))

    def _find_hits(
        self, query: SearchQuery, language: Language, filters: Filters, mode: SearchMode, top_k: int, reads: int
    ) -> tuple[list[Hit], float]:
        """The best hits, and when their candidates were there. What was replaced while it was searched is searched
        again, so that nobody misses an article that had a revision at every moment; so is what found too much that
        says the same, for more."""
        earlier: frozenset[str] = frozenset()
        times = 1
        for _ in range(_MAX_SEARCHES):
            candidates = self._find_candidates(query, filters, mode, top_k, times)
            found = time.perf_counter()
            scores = self._normalize_scores(candidates, len(query.lexical.indices))
            ranking = self._rank(scores, candidates, language, mode)
            ranked = Ranking(candidates, scores, ranking)
            self._evidence.begin([candidates[at].id for at in ranked.order[:reads]])
            best = choose_hits(self._store, ranked, top_k)
            lacks_others = best.repeats > 0 and len(best.hits) < top_k and len(candidates) >= times * top_k
            if best.replaced <= earlier and not lacks_others:  # none, or what a killed ingest has left behind
                break
            query = replace(query, weighing=None)  # terms are counted anew
            earlier, times = best.replaced, times * (_MORE_CANDIDATES if lacks_others else 1)
        return best.hits, found

    def _find_candidates(
        self, query: SearchQuery, filters: Filters, mode: SearchMode, top_k: int, times: int
    ) -> Candidates:
        dense, lexical = _CANDIDATES[mode]
        # Both may find the same: one of them finds as many as are asked for.
        dense, lexical = (max(dense, top_k), lexical) if dense else (0, max(lexical, top_k))
        return self._store.find_candidates(query, times * dense, times * lexical, filters)

    def _normalize_scores(self, candidates: Candidates, stems: int) -> Floats:
        """The candidates' scores, comparable between collections and embedders."""
        # A question of n stems could score about ln(2N) each: dividing keeps one weight right for any collection.
        greatest = _STEM_WEIGHT * math.sqrt(max(1, stems)) * math.log(2 * candidates.chunk_count + 2)
        return candidates.scores * [self._dense_scale(candidates.scores[:, 0]), 1.0, 1.0, 1 / greatest]

    def _dense_scale(self, dense: Floats) -> float:
        """What brings cosines of another embedder to the spread of the calibrated one, since weights assume it."""
        if self._encoder.spec.name == self._calibration.embedder or not len(dense):
            return 1.0
        spread = float(np.std(dense))
        return self._calibration.spread / spread if spread >= _MIN_SPREAD else 1.0

    def _rank(self, scores: Floats, candidates: Candidates, query_language: Language, mode: SearchMode) -> Floats:
        """One number for each candidate, greatest best."""
        if mode != "hybrid":
            return scores[:, REPRESENTATIONS.index(mode)]
        ranking = np.zeros(len(scores))
        for chunk_language in set(candidates.languages):
            rows = [at for at, language in enumerate(candidates.languages) if language == chunk_language]
            fusion = self._calibration.pairs[query_language, chunk_language].fusion
            ranking[rows] = fusion.fuse_all(scores[rows])
            if chunk_language != query_language:
                articles = [candidates.articles[at] for at in rows]
                ranking[rows] += _ARTICLE_WEIGHT * _best_of_article(scores[rows], articles)
        return ranking

    def _judge_answerability(
        self, query_language: Language, hits: Sequence[Hit], features: dict[str, float]
    ) -> tuple[float, float]:
        """The probability that the articles hold the answer, and the threshold for it; without a hit below any."""
        if not hits:
            return 0.0, 1.0
        model = self._calibration.abstention((query_language, hits[0].language), self._encoder.spec.name)
        return model.probability(features), model.threshold

    def _rerank(self, question: str, hits: list[Hit]) -> list[Hit]:
        """The hits in the reranker's order. They take over each other's scores, which so keep the scale that extractive
        answers weigh them on. The order of the search stands where the reranker fails."""
        if self._reranker is None or not hits:
            return hits
        try:
            relevance = self._reranker.rerank(question, [f"{hit.article.title}\n{hit.text}" for hit in hits])
        except RerankError as error:
            _log.warning("%s The order of the search stands.", error)
            return hits
        order = sorted(range(len(hits)), key=lambda at: -relevance[at])
        return [replace(hits[at], score=hit.score) for at, hit in zip(order, hits, strict=True)]


def _spell_names(question: Document, hits: Sequence[Hit]) -> dict[str, str]:
    """Names of a question as the hits spell them where all are in another language: in a text of its own language they
    stand as they were asked for, and would be found no longer."""
    if any(hit.language == question.language for hit in hits):
        return {}
    texts = [Document(f"{hit.article.title}\n{hit.text}") for hit in hits]
    articles = {hit.article.id: hit.article.text for hit in hits}
    return spell_names(question, texts, list(articles.values()))


def _merge_searches(found: RetrievalResult, again: RetrievalResult, spellings: Mapping[str, str]) -> RetrievalResult:
    """What was found with names in another script, for the question as it was asked.

    The odds that something answers are the geometric mean of both searches': names in both scripts are rare in what the
    probability was fitted on, and make it greater. Of XQuAD's 169 English questions over Arabic that the reader was not
    trained on and of 240 that nothing answers, refused are with the first search's 9 and 130, with the mean 6 and 124,
    with the second one's 5 and 120.
    """
    odds = math.sqrt(odds_of(found.probability) * odds_of(again.probability))
    timings = {stage: found.timings_ms[stage] + milliseconds for stage, milliseconds in again.timings_ms.items()}
    return replace(
        again,
        question=found.question,
        language=found.language,
        probability=odds / (1 + odds),
        threshold=found.threshold,
        timings_ms=timings,
        spellings=spellings,
    )


def _best_of_article(scores: Floats, articles: Sequence[str]) -> Floats:
    """The greatest lexical score of the chunks of the same article, for each chunk."""
    _, article = np.unique(articles, return_inverse=True)
    best = np.zeros(len(scores))
    np.maximum.at(best, article, scores[:, REPRESENTATIONS.index("lexical")])
    return best[article]
