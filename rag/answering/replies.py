"""Answers that come from no passage: talk, what the collection holds, what an article says as a whole."""

from collections.abc import Sequence

import numpy as np

from prompts import reader_message
from rag.answering.follow_up import last_title
from rag.answering.intents import TALK, Intent
from rag.answering.quotes import Quote, Section, format_quotes, title_words
from rag.grounding.attribution import cite
from rag.grounding.verifier import VerifiedAnswer
from rag.language.document import Document
from rag.language.languages import PROFILES
from rag.language.sentences import trim_span
from rag.retrieval.answerability import coverage
from rag.retrieval.retriever import HybridRetriever, RetrievalResult
from rag.store import Store
from rag.types import Article, Citation, Detail, Filters, Hit, Language, Message, Scores, Statement

_MAX_LISTED, _MAX_TOPICS = 10, 40
_SUMMARY_QUOTES: dict[Detail, int] = {"short": 3, "usual": 5, "long": 9}
_MIN_SUMMARY_WORDS = 6
_MAX_CHUNKS = 50
"""Of an article that is summarised."""
_REPETITION_WEIGHT = 0.5
"""Of how near a sentence is to those already chosen, beside how near it is to the article as a whole."""
_BEGINNING_CHARS = 2000
"""Of an article, in which its first sentence is looked for."""
_SURE_PROBABILITY = 0.6
"""From which the nearest article is taken for the one that is meant, though its title does not name the subject."""
_MIN_SHARE = 0.5
"""Of the words of a subject that a title or topic has to hold."""
_OPENING_CHARS = 600
"""Of an article, which says what it is about: it is on a subject too whose every word stands there."""


class Replier:
    """Answers an intent.

    Parameters
    ----------
    store : Store
        The articles.
    retriever : HybridRetriever
        Over them.
    """

    def __init__(self, store: Store, retriever: HybridRetriever) -> None:
        self._store, self._retriever = store, retriever

    def reply(
        self,
        intent: Intent,
        result: RetrievalResult,
        language: Language,
        history: Sequence[Message] = (),
        detail: Detail = "usual",
    ) -> VerifiedAnswer:
        """The answer to an intent.

        Parameters
        ----------
        intent : Intent
            What is asked for.
        result : RetrievalResult
            What a search for the whole question gave; its filters hold.
        language : Language
            Of the answer.
        history : sequence of Message
            The conversation before it: "this article" is the one that was cited last.
        detail : Detail
            How long a summary is.

        Raises
        ------
        StoreError
            When the index cannot be used.
        """
        if intent.kind in TALK:
            text = reader_message(language, intent.kind, count=str(self._store.count_articles()))
            return VerifiedAnswer(text, ())
        if intent.kind == "summary":
            return self._summarize(intent.subject or last_title(history), result, language, detail)
        if intent.kind == "about":
            return self._list_about(intent.subject, result, language)
        return self._list_newest(language, with_count=intent.kind == "list")

    def _list_newest(self, language: Language, with_count: bool) -> VerifiedAnswer:
        ids = [summary.id for summary in self._store.list_articles(_MAX_LISTED)]
        found = self._store.get_articles(ids)
        opening = self._describe_collection(language) if with_count else reader_message(language, "newest")
        return _list_articles(opening, [found[key] for key in ids if key in found])

    def _describe_collection(self, language: Language) -> str:
        count = self._store.count_articles()
        opening = reader_message(language, "collection", count=str(count))
        separator = PROFILES[language].list_separator
        if topics := list(self._store.count_topics())[:_MAX_TOPICS]:
            opening += reader_message(language, "topics", topics=separator.join(map(title_words, topics)))
        return opening + (reader_message(language, "some") if count else "")

    def _list_about(self, subject: str, result: RetrievalResult, language: Language) -> VerifiedAnswer:
        articles = self._find_articles(subject, result)
        key = "about" if articles else "about_none"
        opening = reader_message(language, key, subject=title_words(subject))
        return _list_articles(opening, articles[:_MAX_LISTED])

    def _summarize(self, subject: str, result: RetrievalResult, language: Language, detail: Detail) -> VerifiedAnswer:
        articles = self._find_articles(subject, result) if subject else []
        if not articles:
            return VerifiedAnswer(reader_message(language, "summary_none"), ())
        article = articles[0]
        hits = self._retriever.search(article.title or subject, _MAX_CHUNKS, Filters(articles=(article.id,))).hits
        opening = reader_message(language, "summary", title=title_words(article.title))
        return format_quotes([Section(opening, self._choose_central(hits, _SUMMARY_QUOTES[detail]))], language)

    def _find_articles(self, subject: str, result: RetrievalResult) -> list[Article]:
        """The articles whose title, topic or opening names a subject; where none does, the nearest if it is likely."""
        nearest = self._retriever.search(subject, _MAX_CHUNKS, result.filters)
        candidates = {hit.article.id: hit.article for hit in (*nearest.hits, *result.hits)}
        shares = {key: _share_named(subject, _heading_of(article)) for key, article in candidates.items()}
        named = [
            article
            for key, article in candidates.items()
            if shares[key] >= _MIN_SHARE or _share_named(subject, article.text[:_OPENING_CHARS]) == 1
        ]
        if not named and nearest.probability >= _SURE_PROBABILITY:
            named = [hit.article for hit in nearest.hits[:1]]
        return sorted(named, key=lambda article: -shares[article.id])

    def _choose_central(self, hits: Sequence[Hit], count: int) -> list[Quote]:
        """The sentences that say most of what the article says, each something of its own, in reading order."""
        vectors = self._retriever.sentence_vectors(hits)
        pairs = [
            (hit, span, vector)
            for hit in hits
            for span, vector in zip(hit.sentences, vectors[hit.chunk_id].sentences, strict=True)
            if len(hit.article.text[slice(*span)].split()) >= _MIN_SUMMARY_WORDS
        ]
        # The beginning says what the article is about.
        pairs.sort(key=lambda pair: pair[1])
        chosen = _choose_spread(np.array([vector for *_, vector in pairs]), count) if pairs else []
        quotes = [Quote(pairs[at][0], pairs[at][1], score) for at, score in chosen]
        return sorted(quotes, key=lambda quote: quote.span)


def _choose_spread(vectors: "np.ndarray[tuple[int, int], np.dtype[np.float32]]", count: int) -> list[tuple[int, float]]:
    """The first row, and those nearest to the mean that are not near each other (maximal marginal relevance), each with
    its nearness."""
    mean = vectors.mean(axis=0)
    central = vectors @ (mean / (np.linalg.norm(mean) or 1.0))
    worth, chosen = central.copy(), list[int]()
    for _ in range(min(count, len(vectors))):
        at = int(np.argmax(worth)) if chosen else 0
        chosen.append(at)
        worth = np.minimum(worth, central - _REPETITION_WEIGHT * (vectors @ vectors[at]))
        worth[chosen] = -np.inf
    return [(at, float(central[at])) for at in chosen]


def _share_named(subject: str, text: str) -> float:
    """Share of the words of a subject that a text holds, by stem or by sound."""
    # Any word of a subject may be a name, and in Latin script a name is known by its capital.
    return coverage(Document(subject.title()), Document(text), is_across=False)


def _heading_of(article: Article) -> str:
    return f"{article.title} {article.topic or ''}"


def _list_articles(opening: str, articles: Sequence[Article]) -> VerifiedAnswer:
    """Titles, each with a citation that opens its article."""
    text = opening
    citations: list[Citation] = []
    statements: list[Statement] = []
    for number, article in enumerate(articles, 1):
        citations.append(_cite_beginning(article, number))
        title = " ".join(title_words(article.title or article.id).split())
        start = len(text) + 1
        text = f"{text}\n• {title} [{number}]"
        statements.append(Statement(start, len(text), "supported", (number,)))
    return VerifiedAnswer(text, tuple(citations), tuple(statements))


def _cite_beginning(article: Article, number: int) -> Citation:
    span = trim_span(article.text, Document(article.text[:_BEGINNING_CHARS]).sentences[0])
    hit = Hit(article, *span, article.language, (span,), 0.0, Scores(0.0, 0.0, 0.0), "")
    return cite(hit, span, "supported", 1.0, number)
