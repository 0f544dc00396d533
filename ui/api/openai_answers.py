"""Answers to the conversations of OpenAI's clients, whichever route they come by."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rag.answering.llm import Deadline
from rag.errors import DalilError
from rag.language.tokens import count_tokens
from rag.types import NO_FILTERS, Answer, AnswerRequest, RequestedMode
from ui.api.client_tasks import answer_task, find_task
from ui.api.errors import describe_error
from ui.api.openai_messages import ChatMessage, read_conversation
from ui.api.schemas import ArticleFilters
from ui.api.service import AnswerService
from ui.api.streams import format_event
from ui.api.wanted_form import WantedForm

_ANSWER_FIELDS = (
    "language", "refused", "reason", "mode", "degraded", "statements", "prompt", "state", "confidence",
)  # fmt: skip
"""What an answer says of itself."""
DONE = "data: [DONE]\n\n"
"""The last event of OpenAI's streams."""


def begin_answer(
    service: AnswerService,
    messages: Sequence[ChatMessage],
    mode: RequestedMode,
    deadline: Deadline,
    filters: ArticleFilters | None = None,
    form: WantedForm | None = None,
) -> Iterator[str | Answer]:
    """The text of the answer to a conversation as it comes, then the Answer.

    Parameters
    ----------
    service : AnswerService
        Answers.
    messages : sequence of ChatMessage
        The conversation.
    mode : RequestedMode
        Of the model that is asked for.
    deadline : Deadline
        Of the whole answer.
    filters : ArticleFilters, optional
        Which articles may be searched.
    form : WantedForm, optional
        In which what a client asks for itself is wanted.

    Raises
    ------
    QuestionError
        When nobody asks, or the question cannot be asked.
    """
    assistant = service.assistant
    if task := find_task(messages, form):
        answer = answer_task(task, assistant, mode, deadline)
        return iter((answer.text, answer))
    question, history = read_conversation(messages, assistant.settings.max_question_chars)
    restricted = filters.to_filters() if filters else NO_FILTERS
    return service.begin(AnswerRequest(question, history=history, mode=mode, filters=restricted), deadline).parts


def read_answer(parts: Iterator[str | Answer]) -> Answer:
    """The whole answer, once it is there."""
    *_, answer = parts
    assert isinstance(answer, Answer)
    return answer


def tell_failure(service: AnswerService, error: DalilError) -> Iterator[str]:
    """The last events of a stream that an error ends."""
    yield format_event(describe_error(service.hide_places(error)))
    yield DONE


def describe_answer(answer: Answer) -> dict[str, Any]:
    """What Dalil adds to OpenAI's fields."""
    fields = asdict(answer)
    own = {"id": answer.id} | {name: fields[name] for name in _ANSWER_FIELDS}
    return {"citations": fields["citations"], "dalil": own}


def count_usage(messages: Sequence[ChatMessage], text: str) -> dict[str, int]:
    """The tokens of a conversation and of its answer, as o200k_base has them."""
    *prompt, completion = count_tokens([*(message.content for message in messages), text])
    return {"prompt_tokens": sum(prompt), "completion_tokens": completion, "total_tokens": sum(prompt) + completion}
