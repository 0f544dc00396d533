from pathlib import Path

import numpy as np
import pytest

from eval.reading.taught import TAUGHT
from rag.answering.candidates import ScoredSentence
from rag.answering.reader import Reader, Reading, ReadSentence, read_by_scores
from rag.answering.reader_model import read_fitted
from rag.answering.table_lookup import TableAnswer
from rag.answering.window import build_window
from rag.embedding.build_e5_onnx import read_weights, wheel_file
from rag.embedding.model_files import default_cache
from rag.embedding.word_pieces import END, WordPieces
from rag.types import Span
from tests.doubles import make_hit

TEXT = "بُني فنار الإسكندرية من الحجر الجيري. وبلغ ارتفاع الفنار 120 مترًا. وكان البحارة يرون ناره من بعيد."
QUESTION = "كم كان ارتفاع الفنار؟"


@pytest.fixture(scope="module")
def pieces():
    return WordPieces(read_weights(wheel_file()), default_cache())


@pytest.fixture(scope="module")
def reader(pieces):
    return Reader(pieces, threads=1)


def score(hit, scores=()):
    """The sentences of a hit, each with a score."""
    given = [*scores, *[0.5] * len(hit.sentences)]
    token = np.ones(1, np.float32)
    return [ScoredSentence(hit, span, token, one) for span, one in zip(hit.sentences, given, strict=False)]


# Years


def test_a_sentence_of_another_year_than_the_question_names_comes_behind():
    hit = make_hit("بلغ الإنفاق 40 مليونًا عام ٢٠٢٤. وبلغ 72 مليونًا عام 2025. ولم يُعلن سواه.")
    read = [ReadSentence(one, share) for one, share in zip(score(hit), [0.5, 0.3, 0.1], strict=True)]
    reading = Reading(read, 0.9)
    first, *others = reading.prefer_years("كم بلغ الإنفاق في 2025؟").sentences
    assert "2025" in first.sentence.text
    assert sum(one.probability for one in (first, *others)) == pytest.approx(0.9)
    assert reading.prefer_years("كم بلغ الإنفاق؟") == reading
    assert reading.prefer_years("كم بلغ الإنفاق في 2026؟").sentences[-1].sentence.text != "ولم يُعلن سواه."


# Tables


@pytest.mark.parametrize(
    ("shares", "has_cell", "expected"),
    [
        ((0.6, 0.05, 0.03), False, (0, 2)),  # the rows together are less likely than the sentence
        ((0.1, 0.15, 0.3), False, (2, 0)),
        ((0.6, 0.05, 0.06), True, (2, 0)),  # enough, where the cell is known
        ((0.6, 0.01, 0.03), True, (0, 2)),
    ],
)
def test_the_row_that_a_question_names_has_what_all_rows_had_and_stands_where_that_puts_it(shares, has_cell, expected):
    hit = make_hit("وصل القطار متأخرًا إلى البلدة.\nمرجان | 310\nشراع | 140")
    sentences = score(hit)
    read = [ReadSentence(one, share) for one, share in zip(sentences, shares, strict=True)]
    reading = Reading(sorted(read, key=lambda one: -one.probability), sum(shares))
    row = sentences[2].span
    found = TableAnswer(row, Span(row.end - 3, row.end) if has_cell else None, frozenset([sentences[1].span]), hit)
    preferred = reading.prefer_row(found).sentences
    assert [hit.sentences.index(one.sentence.span) for one in preferred] == [*expected, 1]


# Word pieces


@pytest.mark.parametrize(
    "text",
    [TEXT, "  two  blanks, and\u00a0one more ", "ﷺ صلى", "مُحَمَّدٌ", "\ud800 lone", "", "x", "كلمة\u200cواحدة", "①②"],
)
def test_each_piece_stands_where_its_span_says(pieces, text):
    found = pieces.encode_with_spans(text)
    assert len(found.ids) == len(found.spans)
    assert all(0 <= span.start < span.end <= max(1, len(text)) for span in found.spans)
    assert [span.start for span in found.spans] == sorted(span.start for span in found.spans)


def test_spans_give_back_the_words(pieces):
    spans = pieces.encode_with_spans(TEXT).spans
    covered = {at for span in spans for at in range(*span)}
    assert {at for at, char in enumerate(TEXT) if char.isalnum()} <= covered


# The window


def test_a_window_holds_the_question_and_the_sentences_under_their_titles_in_reading_order(pieces):
    first, second = make_hit(TEXT, "a", title="فنار"), make_hit("جملة من مقال آخر.", "b", title="آخر")
    window = build_window(QUESTION, [*score(first, [0.1, 0.9, 0.5]), *score(second)], pieces)
    assert [sentence.hit.article.id for sentence, _ in window.sentences] == ["a", "a", "a", "b"]
    spans = [sentence.span for sentence, _ in window.sentences[:3]]
    assert spans == sorted(spans)
    assert window.ids.count(END) == 3
    for sentence, tokens in window.sentences:
        assert window.ids[slice(*tokens)] == pieces.encode([sentence.text])[0]


def test_the_best_sentences_are_kept_where_not_all_fit(pieces):
    text = " ".join(f"هذه هي الجملة رقم {at} من مقال طويل جدًا يحكي عن أشياء كثيرة لا آخر لها." for at in range(40))
    hit = make_hit(text)
    scored = score(hit, [at / 40 for at in range(40)])
    window = build_window(QUESTION, scored, pieces)
    kept = [sentence.score for sentence, _ in window.sentences]
    assert len(window.ids) <= 330
    assert kept == [sentence.score for sentence in scored[-len(kept) :]]


def test_a_sentence_is_read_below_its_heading(pieces):
    filler = "\n\n".join(f"جملة رقم {at} عن شيء آخر لا صلة له بالسؤال، وهي طويلة بعض الشيء." for at in range(30))
    hit = make_hit(f"الإجازة المرضية\n\n{filler}\n\nوتُمنح بتقرير طبي.")
    window = build_window(QUESTION, score(hit, [-0.5, *[0.3] * 30, 0.9]), pieces)
    first, *_, last = [sentence.text for sentence, _ in window.sentences]
    assert (first, last) == ("الإجازة المرضية", "وتُمنح بتقرير طبي.")


def test_marks_and_the_script_of_digits_make_no_difference(pieces):
    bare = pieces.without_marks()
    assert bare.encode(["وُلِدَ سَنَةَ ١٩٠٨"]) == bare.encode(["ولد سنة 1908"]) != pieces.encode(["وُلِدَ سَنَةَ ١٩٠٨"])


def test_the_same_words_are_read_once(pieces):
    hits = make_hit(TEXT, "a"), make_hit(TEXT, "b")
    window = build_window(QUESTION, [sentence for hit in hits for sentence in score(hit)], pieces)
    assert len(window.sentences) == len(hits[0].sentences)


# Reading


def test_the_sentence_that_answers_comes_first_with_the_words_that_do(reader):
    reading = reader.read(QUESTION, score(make_hit(TEXT, title="فنار الإسكندرية")), 0.9)
    first = reading.sentences[0]
    assert first.sentence.text == "وبلغ ارتفاع الفنار 120 مترًا."
    assert first.answer is not None
    assert "120" in TEXT[slice(*first.answer)]
    assert sum(one.probability for one in reading.sentences) == pytest.approx(reading.probability)


def test_a_passage_on_something_else_is_less_likely_to_answer(reader):
    bread = make_hit("يُخبز الخبز في التنور. ويُقدَّم ساخنًا مع الزيت والزعتر.", title="الخبز")
    lighthouse = reader.read(QUESTION, score(make_hit(TEXT, title="فنار الإسكندرية")), 0.9)
    assert reader.read(QUESTION, score(bread), 0.1).probability < lighthouse.probability - 0.3


def test_words_lie_within_their_sentence(reader):
    reading = reader.read(QUESTION, score(make_hit("  " + TEXT + "  ")), 0.5)
    for one in reading.sentences:
        if one.answer:
            assert one.sentence.span.start <= one.answer.start < one.answer.end <= one.sentence.span.end


def test_nothing_is_read_where_nothing_was_found(reader):
    assert reader.read(QUESTION, [], 0.9) == ([], 0.0, True)
    assert read_by_scores([], 0.0).sentences == []


def test_without_a_model_two_sentences_are_good_enough_and_a_third_that_is_nearly_as_good():
    hit = make_hit(TEXT)
    far = read_by_scores(score(hit, [0.9, 0.6, 0.3]), 0.8)
    near = read_by_scores(score(hit, [0.9, 0.6, 0.62]), 0.8)
    assert [one.probability > 0 for one in far.sentences] == [True, True, False]
    assert [one.probability > 0 for one in near.sentences] == [True, True, True]
    assert not far.is_of_model


# What was fitted


def test_the_fitted_files_are_small_enough_for_the_repository():
    fitted = read_fitted()
    assert Path("rag/answering/reader.npz").stat().st_size + TAUGHT.stat().st_size < 8_000_000
    assert all(np.isfinite(values).all() for values in fitted.arrays.values())


def test_a_window_has_room_for_a_long_question(pieces):
    window = build_window("ما " * 2000 + "؟", score(make_hit(TEXT)), pieces)
    assert window.sentences
    assert len(window.ids) <= 512
    assert isinstance(window.sentences[0][1], Span)
