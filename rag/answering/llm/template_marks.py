"""What chat templates leave in a model's text, taken out while it comes: thoughts, headers, the ends of turns."""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from rag.errors import ModelError

THOUGHT_START = "<think>"
"""As most models have it, and as a text is marked that begins within a thought."""

_THOUGHT_STARTS = frozenset(
    "<think> <thinking> <thought> <reasoning> <seed:think> [think] ◁think▷ <|start_thinking|> "
    "<|begin_of_thought|> <|channel>".split()
)
_THOUGHT_ENDS = frozenset(
    "</think> </thinking> </thought> </reasoning> </seed:think> [/think] ◁/think▷ <|end_thinking|> "
    "<|end_of_thought|> <channel|>".split()
)
_HEADERS = frozenset(("<|channel|>", "<|start|>"))
"""Before the name of a channel, in OpenAI's harmony format; `<|message|>` ends it."""
_TURN_STARTS = frozenset(("<|im_start|>", "<start_of_turn>", "<|start_header_id|>", "<|turn>"))
"""Before the name of who speaks, which ends with the line or the header."""
_HEADER_ENDS = frozenset(("<|message|>", "<|end_header_id|>"))
_TURN_ENDS = frozenset(
    "<|im_end|> </s> <end_of_turn> <|eot_id|> <|eom_id|> <|endoftext|> <|end_of_text|> <eos> <|end|> "
    "<|return|> <|call|> [/inst] <｜end▁of▁sentence｜> <|end_of_turn_token|> <turn|> <|start_response|> "
    "<|end_response|> <|start_text|> <|end_text|> <|user|> <|assistant|> <|begin_of_text|> <bos>".split()
)
"""What ends a text that has begun, and means nothing before it."""
_MARKS = _THOUGHT_STARTS | _THOUGHT_ENDS | _HEADERS | _TURN_STARTS | _HEADER_ENDS | _TURN_ENDS
_MARK = re.compile("|".join(map(re.escape, sorted(_MARKS, key=len, reverse=True))), re.IGNORECASE)
_ENDS_OF_MARKS = frozenset(mark[-1] for mark in _MARKS)
_FIRST_CHARS = frozenset(mark[0] for mark in _MARKS)
_LONGEST = max(map(len, _MARKS))
_HIDDEN_CHANNELS = ("analysis", "commentary", "thought", "thinking")

_Mode = Literal["text", "thought", "header", "ended"]


def remove_template_marks(deltas: Iterable[str]) -> Iterator[str]:
    """A model's text without its thoughts and without the marks of its chat template, however it is cut into pieces.

    Raises
    ------
    ModelError
        When what was given out already turns out to be a thought.
    """
    reader, held = _Reader(), ""
    for delta in deltas:
        whole, held = _split_open_mark(held + delta)
        if text := reader.read(whole):
            yield text
    if text := reader.read(held):
        yield text


def opens_thought(text: str) -> bool:
    """Whether a text begins with a mark that says what follows: a thought or a channel."""
    found = _MARK.match(text.lstrip())
    return found is not None and found.group().lower() in _THOUGHT_STARTS | _HEADERS


def closes_unopened_thought(text: str) -> bool:
    """Whether a text begins within a thought: its first mark of a thought is one that ends it."""
    marks = (found.group().lower() for found in _MARK.finditer(text))
    return next((mark for mark in marks if mark in _THOUGHT_STARTS | _THOUGHT_ENDS), "") in _THOUGHT_ENDS


def ends_in_thought(text: str) -> bool:
    """Whether a text ends within a thought: its last mark of a thought is one that begins it."""
    marks = (found.group().lower() for found in _MARK.finditer(text))
    return next((mark for mark in [*marks][::-1] if mark in _THOUGHT_STARTS | _THOUGHT_ENDS), "") in _THOUGHT_STARTS


class _Reader:
    """Reads a text with marks, and gives what of it is meant for a reader."""

    def __init__(self) -> None:
        self._mode: _Mode = "text"
        self._header = ""
        self._has_output = False

    def read(self, text: str) -> str:
        """What may be shown of a piece, which ends within no mark."""
        shown, end = [], 0
        for found in _MARK.finditer(text):
            shown.append(self._read_plain(text[end : found.start()]))
            self._has_output = self._has_output or bool(shown[-1].strip())
            self._enter(found.group().lower())
            end = found.end()
        shown.append(self._read_plain(text[end:]))
        self._has_output = self._has_output or bool(shown[-1].strip())
        return "".join(shown)

    def _read_plain(self, text: str) -> str:
        """What may be shown of a text without marks."""
        if self._mode == "header":
            name, is_ended, rest = text.partition("\n")
            self._header += name
            if not is_ended:
                return ""
            self._end_header()
            return self._read_plain(rest)
        return text if self._mode == "text" else ""

    def _enter(self, mark: str) -> None:
        """Go on as a mark says."""
        if self._mode == "ended":
            return
        if mark in _THOUGHT_STARTS:
            self._mode = "thought"
        elif mark in _THOUGHT_ENDS:
            self._end_thought()
        elif mark in _HEADER_ENDS:
            self._end_header()
        elif self._has_output and mark not in _HEADERS:
            self._mode = "ended"
        elif mark in _HEADERS | _TURN_STARTS:
            self._mode, self._header = "header", ""

    def _end_thought(self) -> None:
        if self._mode == "text" and self._has_output:
            raise ModelError("The model's thoughts had no beginning.", is_retryable=True, retry_after=0.0)
        self._mode = "text"

    def _end_header(self) -> None:
        is_hidden = self._header.strip().lower().startswith(_HIDDEN_CHANNELS)
        self._mode, self._header = "thought" if is_hidden else "text", ""


def _split_open_mark(text: str) -> tuple[str, str]:
    """A text up to what may be the beginning of a mark at its end, and that beginning."""
    for at in range(max(0, len(text) - _LONGEST + 1), len(text)):
        if text[at] in _FIRST_CHARS and any(mark.startswith(text[at:].lower()) for mark in _MARKS):
            is_whole = text[at:].lower() in _MARKS
            return (text, "") if is_whole else (text[:at], text[at:])
    return text, ""


class ThoughtHabit:
    """Whether a model's texts begin within a thought, which templates that open it in the prompt bring about.

    Nothing at the beginning of such a text says so. Hence a model's first text is held until its end has shown it, and
    later ones are marked as what they are.
    """

    def __init__(self) -> None:
        self._begins_in_thought: bool | None = None

    def mark(self, pieces: Iterable[str]) -> Iterator[str]:
        """A text with the beginning of its first thought marked; empty pieces stand for those that are held."""
        text, given = "", 0
        if self._begins_in_thought:
            yield THOUGHT_START
        for piece in pieces:
            text += piece
            if self._begins_in_thought is None and not opens_thought(text):
                yield ""
                continue
            if self._begins_in_thought is False and not _ENDS_OF_MARKS.isdisjoint(piece):
                self._begins_in_thought = closes_unopened_thought(text)  # whoever reads gives up here
            yield text[given:]
            given = len(text)
        is_known, self._begins_in_thought = self._begins_in_thought, closes_unopened_thought(text)
        if given < len(text):
            yield f"{THOUGHT_START}{text[given:]}" if is_known is None and self._begins_in_thought else text[given:]

    def note_separate_thoughts(self) -> None:
        """The endpoint gives thoughts apart from the text: nothing need be held."""
        self._begins_in_thought = self._begins_in_thought or False
