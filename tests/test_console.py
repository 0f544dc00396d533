"""What the command line asks and tells a person."""

import io
from contextlib import nullcontext

import pytest

from rag.errors import InputError
from ui.cli.console import confirm_removal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "goes_on"), [("y\n", True), ("Yes\n", True), ("نعم\n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_a_person_at_a_terminal_is_asked_before_much_is_removed(monkeypatch, typed, goes_on):
    shown = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr("sys.stderr", shown)
    with nullcontext() if goes_on else pytest.raises(InputError, match="None of them was removed"):
        confirm_removal([f"article{number}" for number in range(7)], 20)
    assert "7 of 20 articles would be removed" in shown.getvalue()
    assert "article4 and 2 more. Remove them? [y/N]" in shown.getvalue()


def test_where_nobody_can_be_asked_yes_has_to_be_said(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(InputError, match="say --yes"):
        confirm_removal(["a"], 1)
