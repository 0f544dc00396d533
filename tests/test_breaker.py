import time

from rag.answering.llm import CircuitBreaker, Deadline
from rag.errors import ModelError

TIMEOUT = ModelError("late", "model_timeout")


def call(breaker, error=None, deadline=None):
    """The reason why a call through the breaker fails; None where it does not."""
    try:
        with breaker.watch(deadline or Deadline(10)):
            if error:
                raise error
    except ModelError as failed:
        return failed.reason


def test_after_three_timeouts_in_a_row_a_model_is_left_alone():
    breaker = CircuitBreaker()
    assert [call(breaker, TIMEOUT) for _ in range(4)] == ["model_timeout"] * 3 + ["model_paused"]
    assert breaker.is_open
    assert call(breaker) == "model_paused"


def test_an_answer_between_ends_the_row():
    breaker = CircuitBreaker()
    assert [call(breaker, error) for error in (TIMEOUT, TIMEOUT, None, TIMEOUT, TIMEOUT)][-1] == "model_timeout"
    assert not breaker.is_open


def test_an_error_of_another_kind_neither_counts_nor_ends_the_row():
    breaker = CircuitBreaker()
    assert [call(breaker, error) for error in (TIMEOUT, ModelError("no"), TIMEOUT, ModelError("no"))][
        -1
    ] == "model_failed"
    assert not breaker.is_open
    call(breaker, TIMEOUT)
    assert breaker.is_open


def test_a_reader_who_leaves_is_no_timeout():
    breaker, deadline = CircuitBreaker(), Deadline(10)
    deadline.expire()
    assert [call(breaker, TIMEOUT, deadline) for _ in range(5)] == ["model_timeout"] * 5


def test_after_the_pause_one_call_tries_and_an_answer_ends_it():
    breaker = CircuitBreaker(pause_s=0.2)
    for _ in range(3):
        call(breaker, TIMEOUT)
    time.sleep(0.25)
    with breaker.watch(Deadline(10)):
        assert call(breaker) == "model_paused", "others do not wait for the one that tries"
    assert call(breaker) is None


def test_after_the_pause_another_timeout_begins_it_anew():
    breaker = CircuitBreaker(pause_s=0.2)
    for _ in range(3):
        call(breaker, TIMEOUT)
    time.sleep(0.25)
    assert [call(breaker, TIMEOUT), call(breaker)] == ["model_timeout", "model_paused"]
