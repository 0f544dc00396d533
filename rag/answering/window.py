"""What the reader reads in one pass: the question, and the most promising sentences of the first hits."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering.candidates import ScoredSentence
from rag.answering.lists import find_leading_lines
from rag.embedding.word_pieces import END, START, WordPieces
from rag.language.normalize import fold_text
from rag.types import Span

WINDOW_TOKENS = 320
"""Read in one pass. It holds the sentence with the answer for 0.98 of XQuAD's Arabic and 0.94 of its English
questions, 0.96 and 0.94 of the gold set's; 448 for 0.98, 0.98, 0.98, 0.98 in half as much time again."""
_MAX_QUESTION_TOKENS, _MAX_TITLE_TOKENS, _MAX_SENTENCE_TOKENS = 120, 24, 96
_MARKS_TOKENS = 4
"""Before and behind the question."""
_PREFIX = "query:"


@dataclass(frozen=True, slots=True)
class Window:
    """What is read in one pass.

    Attributes
    ----------
    ids : list of int
        Word pieces: the question, then of each hit its title and its sentences.
    question_tokens : int
        How many of them are the question's.
    sentences : list of (ScoredSentence, Span)
        With the places of each one's pieces.
    """

    ids: list[int]
    question_tokens: int
    sentences: list[tuple[ScoredSentence, Span]]


def build_window(question: str, sentences: Sequence[ScoredSentence], pieces: WordPieces) -> Window:
    """The most promising sentences within the window's room, in reading order under the titles of their articles.

    Parameters
    ----------
    question : str
        As it was asked.
    sentences : sequence of ScoredSentence
        Of the first hits, in the order of these.
    pieces : WordPieces
        Of the reader's model.
    """
    titles = {sentence.hit.chunk_id: sentence.hit for sentence in sentences}
    texts = [_PREFIX, question, *(hit.article.title for hit in titles.values()), *(one.text for one in sentences)]
    prefix, asked, *others = pieces.encode(texts)
    title_ids = dict(zip(titles, (ids[:_MAX_TITLE_TOKENS] for ids in others), strict=False))
    sentence_ids = [ids[:_MAX_SENTENCE_TOKENS] for ids in others[len(titles) :]]
    head = [START, *prefix, *asked[:_MAX_QUESTION_TOKENS], END]
    room = WINDOW_TOKENS - len(asked[:_MAX_QUESTION_TOKENS]) - _MARKS_TOKENS
    chosen = _choose(sentences, sentence_ids, title_ids, room)
    window = Window(head, len(head), [])
    for chunk_id, ids in title_ids.items():
        of_hit = [at for at in chosen if sentences[at].hit.chunk_id == chunk_id]
        if not of_hit:
            continue
        window.ids.extend(ids)
        for at in sorted(of_hit, key=lambda at: sentences[at].span):
            start = len(window.ids)
            window.ids.extend(sentence_ids[at])
            window.sentences.append((sentences[at], Span(start, len(window.ids))))
        window.ids.append(END)
    return window


def _choose(
    sentences: Sequence[ScoredSentence], ids: Sequence[list[int]], title_ids: dict[str, list[int]], room: int
) -> set[int]:
    """The places of the sentences that are read: the best that still fit, none of them twice, each with the lines above
    it that say what it is about."""
    leading = _find_leading(sentences)
    seen: set[str] = set()
    titled: set[str] = set()
    chosen: set[int] = set()
    for at in sorted(range(len(sentences)), key=lambda at: -sentences[at].score):
        sentence = sentences[at]
        key, chunk_id = fold_text(sentence.text).strip(), sentence.hit.chunk_id
        added = {at, *leading[at]} - chosen
        cost = sum(len(ids[one]) for one in added) + (0 if chunk_id in titled else len(title_ids[chunk_id]) + 1)
        if key in seen or cost > room or not ids[at]:
            continue
        room -= cost
        seen.add(key)
        titled.add(chunk_id)
        chosen |= added
    return chosen


def _find_leading(sentences: Sequence[ScoredSentence]) -> list[list[int]]:
    """Of each sentence, the places of the lines above it that say what it is about."""
    places = {(sentence.hit.chunk_id, sentence.span): at for at, sentence in enumerate(sentences)}
    hits = {sentence.hit.chunk_id: sentence.hit for sentence in sentences}
    lines = {
        (chunk_id, span): [
            places[chunk_id, hit.sentences[line]] for line in above if (chunk_id, hit.sentences[line]) in places
        ]
        for chunk_id, hit in hits.items()
        for span, above in zip(hit.sentences, find_leading_lines(hit.article.text, hit.sentences), strict=True)
    }
    return [lines[sentence.hit.chunk_id, sentence.span] for sentence in sentences]
