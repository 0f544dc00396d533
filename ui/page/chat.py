"""The chat: asking, streaming, stopping, asking again, rating."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from rag.answering.assistant import AnswerStream
from rag.answering.follow_up import find_subject, is_follow_up, names_new_subject
from rag.answering.llm import Deadline
from rag.errors import DalilError
from rag.language.languages import as_language
from rag.retrieval.explain import describe_result
from rag.types import Answer, AnswerRequest, Language, Message
from ui.api import AnswerService, Feedback, Passage, describe_error
from ui.page.labels import Labels, load_labels
from ui.page.scope import Scope
from ui.page.storage import TERM_SEPARATOR, Conversation, Explanation, RightPassage, Turn
from ui.page.turns import render_live_turn, render_turn
from ui.page.welcome import FirstScreen, render_welcome

Transcript = dict[str, Any]
"""What the transcript shows: the parts of every turn as HTML, the ids of their answers, what a screen reader is told
(`state`), what is being done (`progress`), and what stands beneath the box (`start`) while there are no turns."""

_FRAME_S = 0.05
"""Between two pictures of a text that is being written: more often is not seen."""
_MAX_TURNS = 60
_MAX_NEAREST = 3
_RENDERED_TURNS = 512
"""Kept as HTML, some 8 kB each: a turn takes 1.2 ms of a processor, and each picture shows all of them."""
_INDEX_CODES = ("index_in_use", "other_pipeline", "index_unavailable")


@dataclass
class _RunningQuestion:
    """A question being answered in one browser tab."""

    deadline: Deadline
    is_stopped: bool = False


@dataclass
class Chat:
    """What the chat does, in one interface language.

    Attributes
    ----------
    service : AnswerService
        Answers.
    language : Language
        Of the interface.
    first_screen : FirstScreen
        For a first visitor.
    """

    service: AnswerService
    language: Language
    first_screen: FirstScreen
    _running: dict[str, _RunningQuestion] = field(default_factory=dict)

    @property
    def labels(self) -> Labels:
        """Of the interface."""
        return load_labels(self.language)

    def render(self, conversation: Conversation, live_turn: list[str] | None = None, state: str = "") -> Transcript:
        """A conversation as the transcript shows it, with a turn that is being answered at its end."""
        finished = enumerate(conversation.turns)
        turns = [list(_render_finished(turn.model_dump_json(), index, self.language)) for index, turn in finished]
        turns += [live_turn] if live_turn else []
        start = "" if turns else self.first_screen.render(self.language)
        turns = turns or [[render_welcome(self.labels)]]
        answers = [turn.answer.id if turn.answer else "" for turn in conversation.turns]
        shown = {"turns": turns, "answers": answers, "state": state, "progress": state if live_turn else ""}
        return {"id": conversation.id, "start": start, **shown}

    def ask(
        self, question: str, conversation: Conversation, choices: Mapping[str, Any], tab: str
    ) -> Iterator[tuple[Transcript, Conversation | None]]:
        """Answer a question as the next turn of a conversation.

        Parameters
        ----------
        question : str
            As it was typed.
        conversation : Conversation
            Before it.
        choices : mapping
            Of the settings, by the names of their components.
        tab : str
            Id of the browser tab, by which the question can be stopped.

        Yields
        ------
        tuple of (Transcript, Conversation or None)
            Pictures as the answer comes, at last with the new conversation.
        """
        topics, articles, dates = Scope.of(choices)
        turn = Turn(question=question, topics=list(topics), only_articles=list(articles), dates=dates, asked_at=_now())
        running = _RunningQuestion(self.service.start_deadline())
        if not self.service.limiter.acquire():
            turn.error = self.labels["error_busy"]
        else:
            self._running[tab] = running
            try:
                for live_turn, state in self._answer(turn, conversation.turns, choices, running):
                    yield self.render(conversation, live_turn, state), None
            except DalilError as error:
                turn.error = self._describe_error(error)
            finally:
                running.deadline.expire()
                self.service.limiter.release()
                self._running.pop(tab, None)
        done = conversation.model_copy(update={"turns": [*conversation.turns, turn][-_MAX_TURNS:]})
        yield self.render(done, state=self.labels["answered" if turn.answer else "error_title"]), done

    def stop(self, tab: str) -> None:
        """End the question that a tab has asked: what was written is kept, the model is let go."""
        if running := self._running.get(tab):
            running.is_stopped = True
            running.deadline.expire()

    def rate(self, conversation: Conversation, index: int, rating: str, reason: str | None) -> Conversation:
        """The conversation after a rating of one of its answers, or the reason for one."""
        turn = conversation.turns[index]
        kept_reason = (reason or turn.reason) if rating == "down" else None
        rated = turn.model_copy(update={"rated": rating, "reason": kept_reason})
        with suppress(DalilError):  # an answer of an earlier run of the service: it cannot be rated any more
            self._send_rating(rated)
        return conversation.with_turn(index, rated)

    def note_right_passage(
        self, conversation: Conversation, answer_id: str, passage: RightPassage
    ) -> tuple[Conversation, str]:
        """The conversation after a reader has shown what one of its answers should have cited, and what is said
        back."""
        index = conversation.find_answer(answer_id)
        if index is None:
            return conversation, self.labels["rating_gone"]
        turn = conversation.turns[index]
        rated = turn.model_copy(update={"rated": turn.rated or "down", "right_passage": passage})
        try:
            self._send_rating(rated)
        except DalilError:
            return conversation, self.labels["rating_gone"]
        return conversation.with_turn(index, rated), self.labels["thanks"]

    def _send_rating(self, turn: Turn) -> None:
        """Tell all that is known of a reader's opinion: a rating takes the place of the one before."""
        if turn.answer and turn.rated:
            reason = self.labels[turn.reason] if turn.reason else None
            passage = Passage(**turn.right_passage.model_dump()) if turn.right_passage else None
            feedback = Feedback(rating=turn.rated, reason=reason, passage=passage)
            self.service.recent.rate(turn.answer.id, feedback)

    def _answer(
        self, turn: Turn, earlier: Sequence[Turn], choices: Mapping[str, Any], running: _RunningQuestion
    ) -> Iterator[tuple[list[str], str]]:
        """Pictures of a turn while it is answered, each with the state; completes `turn`."""
        labels = self.labels

        def picture(state: str, text: str = "") -> tuple[list[str], str]:
            return render_live_turn(turn.question, len(earlier), labels, text), state

        yield picture(labels["searching"])
        request = _to_request(turn.question, earlier, choices)
        stream = self.service.begin(request, running.deadline)
        assistant = self.service.assistant
        # Without a model the answer is there at once, and each picture costs Gradio some 20 ms.
        if request.mode != "extractive" and (quotes := assistant.preview(stream)):
            yield picture(labels["reading"].format(count=len(stream.result.hits)), quotes)
        # An answer that is there at once is shown as it is, in one picture.
        text, painted = "", time.monotonic()
        for part in stream.parts:
            if isinstance(part, Answer):
                if _is_kept(part, running):
                    _complete_turn(turn, part, stream, earlier, choices)
            else:
                text += part
                if time.monotonic() - painted >= _FRAME_S:
                    painted = time.monotonic()
                    yield picture(labels["writing"], text)
        turn.stopped = running.is_stopped

    def _describe_error(self, error: DalilError) -> str:
        code = describe_error(error)["error"]["code"]
        if code == "invalid_question":
            max_chars = self.service.assistant.settings.max_question_chars
            return self.labels["error_invalid_question"].format(longest=max_chars)
        return self.labels["error_index" if code in _INDEX_CODES else "error_other"]


@lru_cache(_RENDERED_TURNS)
def _render_finished(turn: str, index: int, language: Language) -> tuple[str, ...]:
    """A finished turn, given as JSON, part by part."""
    return tuple(render_turn(Turn.model_validate_json(turn), index, load_labels(language)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def to_history(turns: Sequence[Turn]) -> list[Message]:
    """What was said before, as the assistant takes it."""
    history = []
    for turn in turns:
        if turn.answer:
            history += [Message("user", turn.question), Message("assistant", turn.answer.text)]
    return history


def _to_request(question: str, earlier: Sequence[Turn], choices: Mapping[str, Any]) -> AnswerRequest:
    return AnswerRequest(
        question,
        language=as_language(choices["language"]),
        history=tuple(to_history(earlier)),
        top_k=int(choices["passages"]),
        mode="extractive" if choices["mode"] == "extractive" else "auto",
        filters=Scope.of(choices).to_filters(),
    )


def _is_kept(answer: Answer, running: _RunningQuestion) -> bool:
    """Whether an answer is to be shown: one that was stopped before a model had written anything is not."""
    return not running.is_stopped or (answer.mode == "generate" and not answer.refused)


def _complete_turn(
    turn: Turn, answer: Answer, stream: AnswerStream, earlier: Sequence[Turn], choices: Mapping[str, Any]
) -> None:
    turn.answer = answer
    if answer.refused:
        titles = {hit.article.id: hit.article.title for hit in stream.result.hits}
        question = stream.result.question
        turn.nearest = list(titles.items())[:_MAX_NEAREST]
        turn.looked_for = TERM_SEPARATOR.join(question.text[slice(*term.span)] for term in question.content_terms)
        turn.subject = _find_followed_subject(stream, earlier)
    if choices["explain"]:
        turn.why = Explanation.model_validate(describe_result(stream.result, with_reasons=True))


def _find_followed_subject(stream: AnswerStream, earlier: Sequence[Turn]) -> str:
    """What was talked of before, where a question refers to it and was searched for with it as well; else empty."""
    history, question, hits = to_history(earlier), stream.result.question, stream.result.hits
    if not hits or not is_follow_up(question) or names_new_subject(question, hits[0].article.title, history):
        return ""
    return find_subject(history)
