"""Which sentences an extractive answer quotes, and the words of a refusal."""

import re
from collections.abc import Callable, Sequence

from prompts import reader_message
from rag.answering.candidates import ScoredSentence, is_scrap, penalty
from rag.answering.lists import find_list_items, find_section, is_heading
from rag.answering.quotes import Quote, title_words
from rag.answering.reader import Reading, ReadSentence
from rag.answering.tables import find_column_names, is_row
from rag.language.document import Document
from rag.language.languages import PROFILES
from rag.language.phonetics import noun_keys
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
_SECTION_GAP, _MAX_SECTION_CHARS = 0.02, 1500
"""A section is what is asked for where its heading, by the score that a sentence of its words would have, is so near to
the best sentence. So are five of the eight questions of `eval/gold/cases.jsonl` that ask for a section and none of 26
that ask for a fact; of OMoS's 203 questions twelve, and eight of the twelve are answered in that section."""
_CLAUSE_END = re.compile(r"[،,؛;(]")
_SENTENCES_AROUND = 2
"""On either side of the best one, where more of it is asked for."""
_MIN_LIST_SHARE, _MAX_ITEM_SHARE = 0.6, 0.6
"""A list is quoted whole where it has so much of the probability, and none of its items so much of that."""
_SURE_SENTENCE = 0.8
"""Probability of a sentence elsewhere from which it is quoted in place of a list that is named."""
_MIN_NAMED = 0.57
"""Cosine of a noun of a question to a word of a leading line in another language from which it names it: stadiums,
الملاعب 0.62; instruments, أجهزة 0.58; reasons, سببان 0.80."""
_MAX_NEAREST_TITLES = 3
_PARAGRAPH_BREAK = "\n\n"


def choose_quotes(
    reading: Reading,
    scored: Sequence[ScoredSentence],
    detail: Detail = "usual",
    named_list: Sequence[Quote] = (),
    asks_one: bool = False,
) -> list[Quote]:
    """What an extractive answer quotes: at most three sentences, the best first, or the whole list that is asked for.

    Parameters
    ----------
    reading : Reading
        Of a question.
    scored : sequence of ScoredSentence
        All sentences of the first hits.
    detail : Detail
        `short`: the best sentence alone, or the first clauses of a list's items; `long`: with the sentences around it.
    named_list : sequence of Quote
        The list whose leading line names what is asked for.
    asks_one : bool
        Whether one thing is asked for, a time or a number, so that no list is quoted for what its items share.
    """
    whole_list = _find_asked_list(scored) or _unless_sure(named_list, reading)
    if detail == "short":
        return [_shorten(quote) for quote in whole_list] or [_quote(read.sentence) for read in reading.sentences[:1]]
    if quotes := whole_list or _find_asked_section(scored) or ([] if asks_one else _find_answering_list(reading)):
        return quotes
    if detail == "long" and reading.sentences:
        return [_quote_around(reading.sentences[0].sentence)]
    if not reading.sentences:
        return []
    first, *others = _without_column_names(reading.sentences)[:_MAX_QUOTES]
    quotes = [_widen(first, reading), *_quote_column_names(first.sentence)]
    for read in others:
        quote = _quote(read.sentence)
        is_new = not any(_is_said(quote, earlier) for earlier in quotes)
        if is_new and read.probability >= _MIN_SHARE * first.probability:
            quotes.append(quote)
    return quotes


def _is_said(quote: Quote, earlier: Quote) -> bool:
    """Whether a quote says what an earlier one says, or that with the heading above it."""
    is_within = earlier.contains(quote.hit, quote.span) or quote.contains(earlier.hit, earlier.span)
    return is_within or earlier.says(quote)


def _without_column_names(sentences: Sequence[ReadSentence]) -> list[ReadSentence]:
    """Sentences but the first rows of tables, of which another row is there: they name what the others say."""
    named = {
        (read.sentence.hit.article.id, names)
        for read in sentences
        if (names := find_column_names(read.sentence.hit.article.text, read.sentence.span.start))
    }
    return [read for read in sentences if (read.sentence.hit.article.id, read.sentence.span) not in named]


def _widen(first: ReadSentence, reading: Reading) -> Quote:
    """The quote of a sentence, with those beside it that may answer as well; a row of a table stands alone."""
    sentence = first.sentence
    if is_row(sentence.text):
        return _quote(sentence)
    beside = (
        {read.sentence.span: read.probability for read in reading.sentences if read.sentence.hit is sentence.hit}
        if reading.is_of_model
        else {}
    )
    order = sentence.hit.sentences
    start = order.index(sentence.span)
    end = start + is_heading(sentence.text)
    if end == len(order):
        return _quote(sentence)
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
    """The quote of a sentence; a heading says nothing without the sentence beneath it."""
    end = _end_beneath(sentence) if is_heading(sentence.text) else sentence.span.end
    return Quote(sentence.hit, Span(sentence.span.start, end), sentence.support)


def _end_beneath(heading: ScoredSentence) -> int:
    """Where the sentence beneath a heading ends, which may stand in the next chunk; the heading's end where none is."""
    text, order = heading.hit.article.text, heading.hit.sentences
    at = order.index(heading.span)
    if at + 1 < len(order):
        return order[at + 1].end
    beneath = find_section(text, heading.span)
    if beneath is None:
        return heading.span.end
    first = Document(text[slice(*beneath)]).sentences[0]
    return trim_span(text, Span(beneath.start + first.start, beneath.start + first.end)).end


def _quote_column_names(sentence: ScoredSentence) -> list[Quote]:
    """The names of the columns, where a sentence is a row of a table."""
    names = find_column_names(sentence.hit.article.text, sentence.span.start)
    return [Quote(sentence.hit, names, sentence.support)] if names else []


def _quote_around(sentence: ScoredSentence) -> Quote:
    """A sentence with those around it that stand under the same heading, in one quote."""
    order, text = sentence.hit.sentences, sentence.hit.article.text
    at = order.index(sentence.span)
    first, last = max(0, at - _SENTENCES_AROUND), min(at + _SENTENCES_AROUND, len(order) - 1)
    headings = [here for here in range(first, last + 1) if here != at and is_heading(text[slice(*order[here])].strip())]
    first = max((here + 1 for here in headings if here < at), default=first)
    last = min((here - 1 for here in headings if here > at), default=last)
    return Quote(sentence.hit, Span(order[first].start, order[last].end), sentence.support)


def _shorten(quote: Quote) -> Quote:
    """The first clause of a quote."""
    words = quote.hit.article.text[slice(*quote.span)]
    end = next((found.start() for found in _CLAUSE_END.finditer(words) if found.start() > 0), len(words))
    return quote._replace(span=trim_span(quote.hit.article.text, Span(quote.span.start, quote.span.start + end)))


def _find_asked_list(scored: Sequence[ScoredSentence]) -> list[Quote]:
    """The list whose leading line matches the question better than any sentence does; empty where there is none."""
    ranked = sorted(scored, key=lambda sentence: -sentence.score)
    for lead in ranked:
        if not _is_lead(lead.text) or _score_as_evidence(lead) < ranked[0].score:
            continue
        items = find_list_items(lead.hit.article.text, lead.span.start)
        if items and lead.span.start < items[0].start:
            spans = items if is_scrap(lead.text) else (lead.span, *items)
            return [Quote(lead.hit, span, lead.support) for span in spans]
    return []


def _unless_sure(named_list: Sequence[Quote], reading: Reading) -> list[Quote]:
    """The list, but where one sentence outside of it is sure to answer."""
    sure = [one.sentence for one in reading.sentences[:1] if reading.is_of_model and one.probability >= _SURE_SENTENCE]
    is_inside = any(quote.contains(one.hit, one.span) for one in sure for quote in named_list)
    return list(named_list) if is_inside or not sure else []


def find_named_list(
    scored: Sequence[ScoredSentence], question: Document, similarity: Callable[[str, Sequence[str]], float]
) -> list[Quote]:
    """The list whose leading line names what is asked for several of, or how many there are of.

    Parameters
    ----------
    scored : sequence of ScoredSentence
        All sentences of the first hits.
    question : Document
        What was asked.
    similarity : callable
        Of a word to the nearest of others, for words of two languages.

    Returns
    -------
    list of Quote
        The line and the items; empty where the article of the best sentence has no such list. Seven of the 1,548
        questions of OMoS and the gold set have one: for four it is right, for two neither it nor the first sentence is,
        for one it hides a right sentence. XQuAD, TyDi, MLQA and ARCD hardly have lists.
    """
    asked = PROFILES[question.language].asks_list.search(question.folded_text.text)
    ranked = sorted(scored, key=lambda sentence: -sentence.score)
    if asked is None:
        return []
    for lead in ranked:
        is_here = lead.hit.article.id == ranked[0].hit.article.id and _is_lead(lead.text)
        items = find_list_items(lead.hit.article.text, lead.span.start) if is_here else ()
        is_above = bool(items) and lead.span.start < items[0].start
        if is_above and _names(Document(lead.text), asked[1], question.language, similarity):
            spans = items if is_scrap(lead.text) else (lead.span, *items)
            return [Quote(lead.hit, span, lead.support) for span in spans]
    return []


def _names(lead: Document, noun: str, language: Language, similarity: Callable[[str, Sequence[str]], float]) -> bool:
    """Whether a leading line holds a noun of a question: by stem, by the consonants that broken plurals share with
    their singulars (ملعب, ملاعب), or in another language by meaning."""
    if lead.language != language:
        return similarity(noun, [term.surface for term in lead.content_terms]) >= _MIN_NAMED
    return not noun_keys(Document(noun, language).stems).isdisjoint(noun_keys(lead.content_stems))


def refusal_text(answer_language: Language, hits: Sequence[Hit]) -> str:
    """The words of a refusal, with the titles of the nearest articles."""
    profile = PROFILES[answer_language]
    opening, closing = profile.quotation_marks
    titles = dict.fromkeys(f"{opening}{title_words(hit.article.title)}{closing}" for hit in hits)
    listed = profile.list_separator.join(list(titles)[:_MAX_NEAREST_TITLES])
    nearest = reader_message(answer_language, "nearest", titles=listed) if titles else ""
    return reader_message(answer_language, "refusal") + nearest


def _find_asked_section(scored: Sequence[ScoredSentence]) -> list[Quote]:
    """The section whose heading is nearly as near to the question as the best sentence; empty where there is none."""
    headings = [sentence for sentence in scored if is_heading(sentence.text)]
    heading = max(headings, key=_score_as_evidence, default=None)
    if heading is None or _score_as_evidence(heading) < max(one.score for one in scored) - _SECTION_GAP:
        return []
    text = heading.hit.article.text
    beneath = find_section(text, heading.span)
    if beneath is None:
        return []
    end = min(beneath.end, beneath.start + _MAX_SECTION_CHARS)
    sentences = Document(text[slice(*beneath)], heading.hit.article.language).sentences
    ends = [beneath.start + sentence.end for sentence in sentences]
    last = max((one for one in ends if one <= end), default=ends[0])
    return [Quote(heading.hit, trim_span(text, Span(beneath.start, last)), heading.support)]


def _score_as_evidence(sentence: ScoredSentence) -> float:
    """The score that a heading would have if it were evidence."""
    return sentence.score + penalty(sentence.text)


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
        first = of_list[0].sentence
        leads = [] if first.span.start >= items[0].start else [first.span]
        is_of_several = bool(leads) or of_list[0].probability <= _MAX_ITEM_SHARE * mass
        if mass >= _MIN_LIST_SHARE * reading.probability and is_of_several:
            return [Quote(first.hit, span, first.support) for span in (*leads, *items)]
    return []


def _is_lead(sentence: str) -> bool:
    """Whether a line may lead to a list: a heading, or what ends with a colon."""
    return is_scrap(sentence) or sentence.rstrip().endswith(":")
