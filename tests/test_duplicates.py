"""Texts that say nearly the same, under whatever name."""

from ingest.duplicates import DuplicateGroups, Duplicates
from rag.language.resemblance import measure_resemblance, sketch_text
from tests.doubles import article

WORDS = [f"كلمة{number}" for number in range(300)]
TEXT = " ".join(WORDS)


def test_the_same_words_have_one_sketch_whatever_their_marks_and_lines():
    assert sketch_text("قال مُحَمَّدٌ: نعم،\nهذا (صحيح) ٢٠٢٤.") == sketch_text("قال محمد نعم هذا صحيح 2024")
    assert sketch_text(TEXT) != sketch_text(" ".join(reversed(WORDS)))


def test_resemblance_is_the_share_of_equal_runs_of_words():
    half = " ".join([*WORDS[:150], *(f"أخرى{number}" for number in range(150))])
    # Of 297 runs each, 147 are equal: 147 of 447 different ones.
    assert abs(measure_resemblance(sketch_text(TEXT), sketch_text(half)) - 147 / 447) < 0.2
    assert measure_resemblance(sketch_text(TEXT), sketch_text(TEXT)) == 1
    assert measure_resemblance(sketch_text(TEXT), sketch_text("نص آخر")) == 0
    assert measure_resemblance((), ()) == 0


def test_a_text_with_a_few_other_words_is_found_and_another_one_is_not():
    duplicates = Duplicates([])
    assert duplicates.find(article(TEXT, "a")) is None
    assert duplicates.find(article(TEXT.replace("كلمة7 ", ""), "b")) == ("a", "test")
    assert duplicates.find(article(" ".join(WORDS[::2]), "c")) is None
    assert duplicates.find(article(TEXT + " ونص", "a")) == ("b", "test")  # not itself as it was
    assert duplicates.find(article("نص قصير.", "d")) is None
    assert duplicates.find(article("نَصٌّ قصير", "e")) == ("d", "test")


def test_what_is_like_one_article_is_told_in_one_line():
    duplicates, groups = Duplicates([]), DuplicateGroups()
    assert duplicates.find(article(TEXT, "a")) is None
    for at in range(8):
        groups.add(article(TEXT, f"copy-{at}"), duplicates.find(article(f"{TEXT} {at}", f"copy-{at}")))
    assert duplicates.find(article("نص قصير.", "d")) is None
    groups.add(article("نَصٌّ قصير", "e"), duplicates.find(article("نَصٌّ قصير", "e")))
    assert [one.reason for one in groups.describe()] == [
        "It says nearly the same as 'a' from test, and so do test, test, test and 4 more.",
        "It says nearly the same as 'd' from test.",
    ]
