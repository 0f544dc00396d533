"""What a question asks of a table: the cell where a named row meets a column, or the greatest or least of a column."""

import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.answering.candidates import ScoredSentence, asks_quantity, asks_time
from rag.answering.tables import Table, find_table, is_row
from rag.grounding.entities import EntityIndex
from rag.language.document import Document
from rag.language.languages import PROFILES
from rag.language.phonetics import noun_keys
from rag.language.terms import Term
from rag.language.units import TIME_UNITS_IN_SECONDS
from rag.types import Hit, Span

Similarity = Callable[[Sequence[str], Sequence[str]], NDArray[np.float32]]
"""Cosines of some words to others, (words, others)."""

_MAX_TABLES = 3
"""Of the first hits, that are looked at."""
_MAX_COMPARED_LABELS = 30
"""Labels that are compared by meaning with a question in another language, at about 0.4 ms each."""
_MIN_LABEL_SHARE = 0.5
"""Of the words of a label that others of its table lack, from which it is named: a given name may be left out. With
more than half 101 of 122 questions on tables are right in place of 104."""
_MIN_SAME, _MIN_MARGIN = 0.5, 0.12
"""Sum of the cosines of a label, or of a column's name, to the nearest words of the question and to the whole of it,
from which it is surely meant, and how far the next has to lie below. Right of 78 questions on tables with 0.5 and 0.2,
0.5 and 0.12, 0.6 and 0.15, 0.45 and 0.08: 70, 72, 71, 72."""
_CLOCK = re.compile(r"([0-2]?[0-9]):([0-5][0-9])")
_DIGIT = re.compile(r"\d")


class TableAnswer(NamedTuple):
    """What a table says.

    Attributes
    ----------
    row : Span or None
        That answers, in offsets of the article; None where the question names one that is not there.
    cell : Span or None
        That answers within it; None where no column is surely asked for.
    others : frozenset of Span
        The other rows of the table and the names of its columns.
    hit : Hit
        In whose article the table stands.
    """

    row: Span | None
    cell: Span | None
    others: frozenset[Span]
    hit: Hit


def look_up(question: Document, scored: Sequence[ScoredSentence], similarity: Similarity) -> TableAnswer | None:
    """What the tables of the first hits say to a question; None where it asks for nothing that stands in one.

    Parameters
    ----------
    question : Document
        As it was searched for.
    scored : sequence of ScoredSentence
        The sentences of the first hits.
    similarity : Similarity
        Compares words by meaning.
    """
    if PROFILES[question.language].asks_whether.match(question.folded_text.text):
        return None  # a cell is no yes and no no
    best, answer = (-1.0, 0.0), None
    for hit, table in _find_tables(scored):
        lookup = _Lookup(question, hit.article.text, table, similarity)
        lines = frozenset(_join(cells) for cells in (table.columns, *table.rows))
        if lookup.names_absent_row([one.hit for one in scored if one.hit.article.id == hit.article.id]):
            answer = answer or TableAnswer(None, None, lines, hit)
        elif (found := lookup.find()) is not None and found.certainty > best:
            row = _join(found.row)
            best, answer = found.certainty, TableAnswer(row, found.cell, lines - {row}, hit)
    return answer


def _find_tables(scored: Sequence[ScoredSentence]) -> Iterator[tuple[Hit, Table]]:
    """The tables of which rows were found, those with the best row first."""
    seen = set[tuple[str, Span]]()
    for sentence in sorted(scored, key=lambda sentence: -sentence.score):
        article = sentence.hit.article
        table = find_table(article.text, sentence.span.start) if is_row(sentence.text) else None
        if table is None or not table.rows or (article.id, table.columns[0]) in seen:
            continue
        if len(seen) == _MAX_TABLES:
            return
        seen.add((article.id, table.columns[0]))
        yield sentence.hit, table


class _Found(NamedTuple):
    """A row, the cell in it that is asked for, and how surely: the share of the row's label that is named, then 2 where
    the column is named by its words, less where by their meaning, 0 where there is none."""

    row: tuple[Span, ...]
    cell: Span | None
    certainty: tuple[float, float]


class _NamedRow(NamedTuple):
    row: tuple[Span, ...]
    share: float
    keys: frozenset[str]


class _Column(NamedTuple):
    at: int
    certainty: float


class _Lookup:
    """A question held against one table."""

    def __init__(self, question: Document, text: str, table: Table, similarity: Similarity) -> None:
        self._question, self._text, self._table, self._similarity = question, text, table, similarity
        self._profile, self._folded = PROFILES[question.language], question.folded_text.text
        self._asked = _keys(question.content_terms)
        spans = [*question.mentions, *(name.span for name in question.listed_names)]
        names = " ".join(question.text[slice(*span)] for span in sorted(set(spans)))
        self._name_words = Document(names, question.language) if names else question
        self._columns = [self._read(span) for span in table.columns]

    def find(self) -> _Found | None:
        """The row that answers, and the cell in it."""
        for column in self._columns_of_words():
            if (found := self._find_named_row(column)) is not None:
                return self._with_cell(found, column)
        is_most, is_least = (bool(one.search(self._folded)) for one in (self._profile.most, self._profile.least))
        if is_most != is_least:
            return self._find_extreme(max if is_most else min)
        found = self._find_row_by_meaning()
        return None if found is None else self._with_cell(found, 0)

    def names_absent_row(self, hits: Sequence[Hit]) -> bool:
        """Whether the question names a row of such a table that neither it nor the hits of its article know: the first
        word of a label, and behind it one that stands nowhere (سد الخروبة, where there are سد الغزلان, سد الهيل)."""
        labels = self._labels()
        firsts = _keys([label.content_terms[0] for label in labels if label.content_terms])
        terms = self._question.content_terms
        behind = [after for first, after in pairwise(terms) if not firsts.isdisjoint(_keys([first]))]
        if not behind or self._asks("which") or any(label.language != self._question.language for label in labels):
            return False
        texts = [*labels, *(Document(hit.text) for hit in {hit.chunk_id: hit for hit in hits}.values())]
        known = frozenset[str]().union(*(_keys(text.content_terms) for text in texts))
        return all(known.isdisjoint(_keys([after])) for after in behind)

    def _columns_of_words(self) -> list[int]:
        """The columns whose cells may name their row, the first one first."""
        cells = {at: [self._text[slice(*row[at])] for row in self._table.rows] for at in range(len(self._columns))}
        return [at for at, texts in cells.items() if at == 0 or not any(map(_DIGIT.search, texts))]

    def _with_cell(self, named: _NamedRow, by: int) -> _Found:
        row, share, keys = named
        column = self._find_column(keys, [at for at in range(len(row)) if at not in (0, by)])
        if column is not None:
            return _Found(row, row[column.at], (share, column.certainty))
        asks_label = bool(by) and not asks_quantity(self._question)  # which department does she lead?
        return _Found(row, row[0] if asks_label else None, (share, float(asks_label)))

    def _read(self, span: Span) -> Document:
        return Document(self._text[slice(*span)], self._question.language)

    def _find_named_row(self, column: int) -> _NamedRow | None:
        """The one row whose cell in a column the question has, with what that cell's words are known by."""
        labels = self._labels(column)
        own = self._own_terms(labels)
        known = EntityIndex.of(self._name_words)
        met = [[self._is_asked(term, label, known) for term in terms] for terms, label in zip(own, labels, strict=True)]
        shares = [(sum(one), sum(one) / len(one)) if one else (0, 0.0) for one in met]
        best = max(shares)
        if best[1] < _MIN_LABEL_SHARE or shares.count(best) > 1:
            return None
        at = shares.index(best)
        return _NamedRow(self._table.rows[at], best[1], _keys(labels[at].content_terms))

    def _labels(self, column: int = 0) -> list[Document]:
        return [self._read(row[column]) for row in self._table.rows]

    def _own_terms(self, labels: Sequence[Document]) -> list[list[Term]]:
        """Of each label the words that not all of them have."""
        shared = frozenset.intersection(*(label.stems for label in labels)) if len(labels) > 1 else frozenset[str]()
        return [[term for term in label.content_terms if shared.isdisjoint(term.stems)] for label in labels]

    def _is_asked(self, term: Term, label: Document, known: EntityIndex) -> bool:
        if label.language == self._question.language or term.surface[0].isdigit():
            return not _keys([term]).isdisjoint(self._asked)
        return known.contains_word(term)

    def _find_row_by_meaning(self) -> _NamedRow | None:
        """The one row whose label in another language means words of the question."""
        labels = self._labels()
        texts = [" ".join(term.surface for term in terms) for terms in self._own_terms(labels)]
        is_foreign = all(label.language != self._question.language for label in labels)
        if not is_foreign or not all(texts) or len(texts) > _MAX_COMPARED_LABELS:
            return None
        nearest = self._find_nearest(texts)
        return None if nearest is None else _NamedRow(self._table.rows[nearest.at], _MIN_LABEL_SHARE, frozenset())

    def _find_nearest(self, texts: Sequence[str], used: frozenset[str] = frozenset()) -> _Column | None:
        """The place of the text that words of the question, those that are used already aside, surely mean."""
        cosines = self._nearness(texts, used)
        ranked = sorted(range(len(texts)), key=lambda at: -cosines[at])
        second = cosines[ranked[1]] if len(ranked) > 1 else 0.0
        is_sure = cosines[ranked[0]] >= _MIN_SAME and cosines[ranked[0]] - second >= _MIN_MARGIN
        return _Column(ranked[0], cosines[ranked[0]]) if is_sure else None

    def _nearness(self, texts: Sequence[str], used: frozenset[str]) -> list[float]:
        """Of each text the cosine to the nearest words of the question and that to the whole of it, summed."""
        cosines = self._similarity([self._question.text, *self._phrases(used)], texts)
        return list(map(float, cosines[0] + cosines[1:].max(axis=0, initial=0.0)))

    def _phrases(self, used: frozenset[str]) -> list[str]:
        """The content words of the question, alone and with the next one."""
        words = [term.surface for term in self._question.content_terms if _keys([term]).isdisjoint(used)]
        return [*words, *map(" ".join, pairwise(words))]

    def _find_column(self, used: frozenset[str], among: Sequence[int]) -> _Column | None:
        """The column that the question asks for, without its words that are used already."""
        among = [at for at in among if self._fits(at)]
        shares = {at: self._share_asked(self._columns[at], self._asked - used) for at in among}
        best = max(shares.values(), default=(0, 0.0))
        names = [self._columns[at].text for at in among]
        if not best[0]:
            nearest = self._find_nearest(names, used) if names else None
            return None if nearest is None else _Column(among[nearest.at], nearest.certainty)
        nearness = dict(zip(among, self._nearness(names, used), strict=True))
        return _Column(max(among, key=lambda at: (shares[at], nearness[at])), 2.0)

    def _share_asked(self, name: Document, asked: frozenset[str]) -> tuple[int, float]:
        """How many of a column's words the question has, and which share of them."""
        met = [not _keys([term]).isdisjoint(asked) for term in name.content_terms]
        return (sum(met), sum(met) / len(met)) if met else (0, 0.0)

    def _fits(self, column: int) -> bool:
        """Whether a column holds what the question word asks for."""
        have_digits = [bool(_DIGIT.search(self._text[slice(*row[column])])) for row in self._table.rows]
        if asks_quantity(self._question) or asks_time(self._question):
            return 2 * sum(have_digits) > len(have_digits)
        return not (self._asks("who") and any(have_digits))

    def _asks(self, *types: str) -> bool:
        words = "|".join(self._profile.question_types[one] for one in types)
        return bool(re.search(rf"(?<!\w)(?:{words})(?!\w)", self._folded))

    def _find_extreme(self, choose: Callable[[Sequence[Fraction]], Fraction]) -> _Found | None:
        """The row with the greatest or the least of a column, and the cell that is asked for."""
        if not self._table.is_whole:
            return None
        values = {at: self._measure(at) for at in range(1, len(self._columns))}
        column = self._find_column(frozenset(), [at for at, of_column in values.items() if of_column])
        if column is None:
            return None
        of_column = values[column.at]
        wanted = choose(of_column)
        if of_column.count(wanted) > 1:
            return None
        row = self._table.rows[of_column.index(wanted)]
        asks_label = self._asks("which", "who") or self._share_asked(self._columns[0], self._asked)[0]
        return _Found(row, row[0] if asks_label else row[column.at], (1.0, column.certainty))

    def _measure(self, column: int) -> list[Fraction]:
        """The values of a column; none where they cannot be compared."""
        measured = [_measure(self._read(row[column])) for row in self._table.rows]
        values = [one for one in measured if one is not None]
        is_alike = len(values) == len(measured) and len({unit for _, unit in values}) == 1
        return [value for value, _ in values] if is_alike else []


def _measure(cell: Document) -> tuple[Fraction, str] | None:
    """The number of a cell and its unit; a duration in seconds, a time of day in minutes."""
    if clock := _CLOCK.fullmatch(cell.folded_text.text.strip()):
        return Fraction(60 * int(clock[1]) + int(clock[2])), "clock"
    durations = [
        (one.number.value, TIME_UNITS_IN_SECONDS[unit])
        for one in cell.quantities
        for unit in one.units
        if unit in TIME_UNITS_IN_SECONDS
    ]
    if durations or (len(cell.units) == 1 and cell.units <= TIME_UNITS_IN_SECONDS.keys()):
        said = {unit for one in cell.quantities for unit in one.units}
        alone = sum(TIME_UNITS_IN_SECONDS[unit] for unit in cell.units - said if unit in TIME_UNITS_IN_SECONDS)
        return sum((value * seconds for value, seconds in durations), Fraction(alone)), "second"
    if len(cell.quantities) != 1:
        return None
    number, units = cell.quantities[0]
    return number.value, min(units, default="")


def _keys(terms: Sequence[Term]) -> frozenset[str]:
    return noun_keys({stem for term in terms for stem in term.stems})


def _join(cells: Sequence[Span]) -> Span:
    return Span(cells[0].start, cells[-1].end)
