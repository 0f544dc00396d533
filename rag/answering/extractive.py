"""Which sentences an extractive answer quotes, and the words of a refusal."""

from collections.abc import Sequence

from prompts import reader_message
from rag.answering.candidates import ScoredSentence, is_scrap, penalty
from rag.answering.lists import find_list_items, find_section, is_heading
from rag.answering.quotes import Quote, title_words
from rag.answering.reader import Reading, ReadSentence
from rag.language.document import Document
from rag.language.languages import PROFILES
from rag.language.sentences import trim_span
from rag.types import Detail, Hit, Language, Span

_MAX_QUOTES = 3
_MIN_SHARE = 0.1
"""Of the first quote's probability, that another one has to have to be shown."""
_MIN_PROBABILITY_PER_CHAR, _MAX_QUOTE_SENTENCES, _MAX_QUOTE_CHARS = 1e-4, 3, 500
"""The first quote takes in the sentences beside it that are likely enough, for their length, to be the one that
answers: the reader is often torn between two neighbors, and the second says of what the first is true. The first quote
holds the answer without and with it, by the reader trained on half of the articles, on the other half: XQuAD 0.745,
0.809; English over Arabic 0.696, 0.800; TyDi 0.827, 0.886; MLQA 0.660, 0.711; ARCD 0.763, 0.781; OMoS in the given page
0.657, 0.690, in 1.1 (TyDi) to 1.6 sentences (OMoS), 120 to 250 characters."""
_MAX_SECTION_SENTENCES = 10
_SENTENCES_AROUND = 2
"""On either side of the best one, where more of it is asked for."""
_MIN_LIST_SHARE, _MAX_ITEM_SHARE = 0.6, 0.6
"""A list is quoted whole where it has so much of the probability, and none of its items so much of that."""
_MAX_NEAREST_TITLES = 3
_PARAGRAPH_BREAK = "\n\n"


def choose_quotes(
    question: Document, reading: Reading, scored: Sequence[ScoredSentence], detail: Detail = "usual"
) -> list[Quote]:
    """What an extractive answer quotes: at most three sentences, the best first, or the whole list that is asked for.

    Parameters
    ----------
    question : Document
        That was asked.
    reading : Reading
        Of the question.
    scored : sequence of ScoredSentence
        All sentences of the first hits.
    detail : Detail
        `short`: the best sentence alone; `long`: with those around it, in reading order.
    """
    if detail != "short" and (
        quotes := _find_asked_list(scored) or _find_asked_section(question, scored) or _find_answering_list(reading)
    ):
        return quotes
    if detail == "short":
        return [_quote(read.sentence) for read in reading.sentences[:1]]
    if detail == "long" and reading.sentences:
        return _quote_around(reading.sentences[0].sentence)
    if not reading.sentences:
        return []
    first, *others = reading.sentences[:_MAX_QUOTES]
    widest = _widen(first, reading)
    return [widest] + [
        _quote(read.sentence)
        for read in others
        if read.probability >= _MIN_SHARE * first.probability
        and not widest.contains(read.sentence.hit, read.sentence.span)
    ]


def _widen(first: ReadSentence, reading: Reading) -> Quote:
    """The quote of a sentence, with those beside it that may answer as well."""
    sentence = first.sentence
    beside = (
        {read.sentence.span: read.probability for read in reading.sentences if read.sentence.hit is sentence.hit}
        if reading.is_of_model
        else {}
    )
    order = sentence.hit.sentences
    start = end = order.index(sentence.span)
    while end - start + 1 < _MAX_QUOTE_SENTENCES:
        around = [at for at in (start - 1, end + 1) if 0 <= at < len(order) and order[at] in beside]
        at = max(around, key=lambda at: beside[order[at]], default=None)
        if at is None:
            break
        wider = Span(order[min(at, start)].start, order[max(at, end)].end)
        is_likely = beside[order[at]] >= _MIN_PROBABILITY_PER_CHAR * (order[at].end - order[at].start)
        words = sentence.hit.article.text[slice(*wider)]
        if not is_likely or len(words) > _MAX_QUOTE_CHARS or _PARAGRAPH_BREAK in words:
            break
        start, end = min(at, start), max(at, end)
    return Quote(sentence.hit, Span(order[start].start, order[end].end), sentence.support)


def _quote(sentence: ScoredSentence) -> Quote:
    return Quote(sentence.hit, sentence.span, sentence.support)


def _quote_around(sentence: ScoredSentence) -> list[Quote]:
    """A sentence with those around it, in reading order."""
    order = sentence.hit.sentences
    at = order.index(sentence.span)
    around = order[max(0, at - _SENTENCES_AROUND) : at + _SENTENCES_AROUND + 1]
    return [Quote(sentence.hit, span, sentence.support) for span in around]


def _find_asked_list(scored: Sequence[ScoredSentence]) -> list[Quote]:
    """The list whose leading line matches the question better than any sentence does; empty where there is none."""
    ranked = sorted(scored, key=lambda sentence: -sentence.score)
    for lead in ranked:
        if not _is_lead(lead.text) or lead.score + penalty(lead.text) < ranked[0].score:
            continue
        items = find_list_items(lead.hit.article.text, lead.span.start)
        if items and lead.span.start < items[0].start:
            spans = items if is_scrap(lead.text) else (lead.span, *items)
            return [Quote(lead.hit, span, lead.support) for span in spans]
    return []


def refusal_text(answer_language: Language, hits: Sequence[Hit]) -> str:
    """The words of a refusal, with the titles of the nearest articles."""
    profile = PROFILES[answer_language]
    opening, closing = profile.quotation_marks
    titles = dict.fromkeys(f"{opening}{title_words(hit.article.title)}{closing}" for hit in hits)
    listed = profile.list_separator.join(list(titles)[:_MAX_NEAREST_TITLES])
    nearest = reader_message(answer_language, "nearest", titles=listed) if titles else ""
    return reader_message(answer_language, "refusal") + nearest


def _find_asked_section(question: Document, scored: Sequence[ScoredSentence]) -> list[Quote]:
    """The section whose heading says all that is asked beside the title of its article; empty where there is none."""
    asked = {term.stems for term in question.content_terms}
    for heading in scored:
        article = heading.hit.article
        if not is_heading(heading.text) or not (beneath := find_section(article.text, heading.span)):
            continue
        said, title = Document(heading.text).stems, Document(article.title).stems
        of_heading = {stems for stems in asked if not said.isdisjoint(stems)}
        if of_heading and all(stems in of_heading or not title.isdisjoint(stems) for stems in asked):
            spans = Document(article.text[slice(*beneath)], article.language).sentences[:_MAX_SECTION_SENTENCES]
            moved = [trim_span(article.text, Span(beneath.start + one.start, beneath.start + one.end)) for one in spans]
            return [Quote(heading.hit, span, heading.support) for span in moved if span.start < span.end]
    return []


def _find_answering_list(reading: Reading) -> list[Quote]:
    """The list whose items share among them the most of the probability that something answers; empty where one
    sentence has it."""
    shares: dict[tuple[str, tuple[Span, ...]], list[ReadSentence]] = {}
    if not reading.is_of_model:
        return []
    for read in reading.sentences:
        article = read.sentence.hit.article
        if items := find_list_items(article.text, read.sentence.span.start):
            shares.setdefault((article.id, items), []).append(read)
    for (_, items), of_list in shares.items():
        mass = sum(read.probability for read in of_list)
        if mass >= _MIN_LIST_SHARE * reading.probability and of_list[0].probability <= _MAX_ITEM_SHARE * mass:
            first = of_list[0].sentence
            leads = [] if first.span.start >= items[0].start else [first.span]
            return [Quote(first.hit, span, first.support) for span in (*leads, *items)]
    return []


def _is_lead(sentence: str) -> bool:
    """Whether a line may lead to a list: a heading, or what ends with a colon."""
    return is_scrap(sentence) or sentence.rstrip().endswith(":")
