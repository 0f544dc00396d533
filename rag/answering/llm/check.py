"""What a model does with one question: whether it answers, how fast, and what it says that goes wrong."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering.llm.call import ChatModel, stream_text
from rag.answering.llm.deadline import Deadline
from rag.errors import ModelError
from rag.language.tokens import count_tokens
from rag.types import Message

_QUESTION = "اكتب بالعربية الأعداد من واحد إلى عشرين، كل عدد بكلمة في سطر."
_PASSAGE = "دليل برنامج يجيب عن الأسئلة من مقالات عربية، ويعرض كلمات المقال التي يستند إليها كل ما يقوله. "
_PASSAGES = 8
"""Of which the prompt is about as long as one with half a page of an article."""


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """What came of one question.

    Attributes
    ----------
    text : str
        What the model wrote.
    prompt_tokens, answer_tokens : int
        As o200k_base counts them, of the prompt and of the text.
    first_token_s, total_s : float
        Until its first word, and in all; the first includes loading it, where that was not done.
    error : ModelError or None
        Why it broke off.
    """

    text: str
    prompt_tokens: int
    answer_tokens: int
    first_token_s: float
    total_s: float
    error: ModelError | None

    @property
    def tokens_per_s(self) -> float:
        """How fast it writes."""
        return self.answer_tokens / max(1e-9, self.total_s - self.first_token_s)


def check_model(model: ChatModel, deadline: Deadline) -> ModelCheck:
    """Ask a model one question, twice: the first time also loads it, and its text is held till its end.

    Parameters
    ----------
    model : ChatModel
        To ask.
    deadline : Deadline
        For both together.
    """
    messages = [Message("system", _PASSAGE * _PASSAGES), Message("user", _QUESTION)]
    first = _ask(model, messages, deadline)
    return first if first.error and not first.text else _ask(model, messages, deadline)


def _ask(model: ChatModel, messages: Sequence[Message], deadline: Deadline) -> ModelCheck:
    started = time.perf_counter()
    text, first_token_s, error = "", 0.0, None
    try:
        for delta in stream_text(model, messages, deadline):
            first_token_s = first_token_s or time.perf_counter() - started
            text += delta
    except ModelError as raised:
        error = raised
    total_s = time.perf_counter() - started
    prompt_tokens, answer_tokens = sum(count_tokens([one.text for one in messages])), *count_tokens([text])
    return ModelCheck(text, prompt_tokens, answer_tokens, first_token_s or total_s, total_s, error)
