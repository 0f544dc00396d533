import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answering.llm.template_marks import (
    ThoughtHabit,
    closes_unopened_thought,
    ends_in_thought,
    remove_template_marks,
)
from rag.errors import ModelError

ANSWER = "بُنيت القلعة سنة 1823 [1]."
THOUGHT = "Passage [2] says 1823. So the answer is 1823."


def read(text, size):
    """A text as a reader sees it, of pieces of that many characters."""
    return "".join(remove_template_marks(text[at : at + size] for at in range(0, len(text), size))).strip()


HARMONY = (
    f"<|channel|>analysis<|message|>{THOUGHT}<|end|>"
    f"<|start|>assistant<|channel|>commentary<|message|>{THOUGHT}<|end|>"
    f"<|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>"
)


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    "text",
    [
        f"<think>{THOUGHT}</think>{ANSWER}",
        f"\n<THINK>\n{THOUGHT}\n</THINK>\n\n{ANSWER}",
        f"<thinking>{THOUGHT}</thinking>{ANSWER}",
        f"[THINK]{THOUGHT}[/THINK]{ANSWER}",
        f"◁think▷{THOUGHT}◁/think▷{ANSWER}",
        f"<|START_THINKING|>{THOUGHT}<|END_THINKING|><|START_RESPONSE|>{ANSWER}<|END_RESPONSE|>",
        f"<|channel>thought\n{THOUGHT}<channel|>{ANSWER}",
        f"</think>{ANSWER}",
        HARMONY,
        f"<|channel|>final<|message|>{ANSWER}",
        f"{ANSWER}<think>{THOUGHT}</think>",
        f"<|im_start|>assistant\n{ANSWER}<|im_end|>",
        f"<|start_header_id|>assistant<|end_header_id|>\n\n{ANSWER}<|eot_id|>",
        f"{ANSWER}</s>",
        f"{ANSWER}<end_of_turn>\n<start_of_turn>user\n{THOUGHT}",
        f"{ANSWER}<|im_end|>\n<|im_start|>user\n{THOUGHT}<|im_end|>\n<|im_start|>assistant\n{THOUGHT}",
        f"{ANSWER}<｜end▁of▁sentence｜>",
        f"{ANSWER}<|eot_id|>{THOUGHT}",
    ],
)
def test_a_reader_sees_the_answer_alone(text, size):
    assert read(text, size) == ANSWER


@pytest.mark.parametrize("text", ["a < b [1] and c <", "جدول | [1]", "<b>x</b> [thin", "x <|im", "1 <think 2"])
def test_what_is_no_mark_stays(text):
    assert read(text, 1) == text


def test_a_thought_without_an_end_is_never_seen():
    assert read(f"<think>{THOUGHT}", 5) == ""


def test_a_thought_whose_beginning_was_seen_is_an_error():
    with pytest.raises(ModelError) as raised:
        read(f"{THOUGHT}</think>{ANSWER}", 9)
    assert raised.value.is_retryable


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<|channel|>", "final", "<|message|>", "<|end|>", "ا", "\n", "<"]))
)
def test_however_a_text_is_cut_the_same_is_seen(parts):
    def outcome(size):
        try:
            return read("".join(parts), size)
        except ModelError:
            return ModelError

    assert outcome(1) == outcome(3) == outcome(1000)


# Texts that begin within a thought


def test_a_text_that_begins_within_a_thought_is_told_from_others():
    assert closes_unopened_thought(f"{THOUGHT}</think>{ANSWER}")
    assert not closes_unopened_thought(f"<think>{THOUGHT}</think>{ANSWER}")
    assert not closes_unopened_thought(ANSWER)
    assert ends_in_thought(f"<think>{THOUGHT}")
    assert not ends_in_thought(f"<think>{THOUGHT}</think>{ANSWER}")


def shown(habit, text):
    return "".join(remove_template_marks(habit.mark(text[at : at + 5] for at in range(0, len(text), 5)))).strip()


def test_a_model_whose_template_opens_the_thought_never_shows_one():
    habit = ThoughtHabit()
    for _ in range(3):
        assert shown(habit, f"{THOUGHT}</think>{ANSWER}") == ANSWER


def test_a_models_first_text_is_held_and_later_ones_come_as_they_are_written():
    habit = ThoughtHabit()
    pieces = ["بُنيت ", "القلعة."]
    assert list(habit.mark(pieces)) == ["", "", "بُنيت القلعة."]
    assert list(habit.mark(pieces)) == pieces


def test_a_first_text_is_not_held_where_thoughts_show():
    assert list(ThoughtHabit().mark(["<think>", "a"])) == ["<think>", "a"]
    habit = ThoughtHabit()
    habit.note_separate_thoughts()
    assert list(habit.mark(["a", "b"])) == ["a", "b"]


def test_a_model_that_stops_thinking_is_heard_again():
    habit = ThoughtHabit()
    shown(habit, f"{THOUGHT}</think>{ANSWER}")
    assert shown(habit, ANSWER) == ""
    assert shown(habit, ANSWER) == ANSWER
