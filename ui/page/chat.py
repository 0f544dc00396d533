"""The chat: asking, streaming, stopping, asking again, rating."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

from rag.answering.assistant import Answering
from rag.answering.llm import Deadline
from rag.errors import DalilError
from rag.language.text import content_terms
from rag.retrieval.retriever import explained
from rag.types import Answer, Filters, Hit, Language, Turn
from ui.api import Feedback, Passage, Work, rate_checked, shown
from ui.page.answers import Turn as Kept
from ui.page.answers import Words, live_parts, turn_parts
from ui.page.welcome import Examples, welcome_html

Talk = dict[str, Any]
"""A conversation as the browser keeps it: `id`, `name` and `turns`."""

_FRAME_S = 0.05
"""Between two pictures of a text that is being written: more often is not seen."""
_TURNS_KEPT = 60
_INDEX_CODES = ("index_in_use", "other_pipeline", "index_unavailable")


def new_talk() -> Talk:
    """A conversation with nothing in it."""
    return {"id": uuid4().hex, "name": "", "turns": []}


@dataclass
class Running:
    """A question being answered in one browser tab."""

    deadline: Deadline
    stopped: bool = False


@dataclass
class Chat:
    """What the chat does, in one interface language."""

    work: Work
    words: Words
    examples: Examples
    _running: dict[str, Running] = field(default_factory=dict)

    def picture(self, talk: Talk, live: list[str] | None = None, state: str = "") -> dict[str, Any]:
        """What the transcript shows: the parts of every turn, and what a screen reader is told."""
        turns = [turn_parts(turn, at, self.words) for at, turn in enumerate(talk["turns"])]
        turns += [live] if live else []
        first = [[welcome_html(self.work.assistant, self.examples, self.words)]]
        answers = [turn.get("answer", {}).get("id", "") for turn in talk["turns"]]
        return {"id": talk["id"], "turns": turns or first, "answers": answers, "state": state}

    def ask(
        self, question: str, talk: Talk, choices: Mapping[str, Any], tab: str
    ) -> Iterator[tuple[dict[str, Any], Talk | None]]:
        """Answer `question` as the next turn of `talk`: pictures as the answer comes, at last with the new talk."""
        turn: Kept = {"question": question}
        running = Running(self.work.deadline())
        if not self.work.slots.take():
            turn["error"] = self.words["error_busy"]
        else:
            self._running[tab] = running
            try:
                for live, state in self._answered(turn, talk["turns"], choices, running):
                    yield self.picture(talk, live, state), None
            except DalilError as error:
                turn["error"] = self._told(error)
            finally:
                running.deadline.end()
                self.work.slots.free()
                self._running.pop(tab, None)
        done = talk | {"turns": [*talk["turns"], turn][-_TURNS_KEPT:]}
        yield self.picture(done, state=self.words["answered" if "answer" in turn else "error_title"]), done

    def stop(self, tab: str) -> None:
        """End the question that a tab has asked: what was said is kept, the model is let go."""
        if running := self._running.get(tab):
            running.stopped = True
            running.deadline.end()

    def rated(self, talk: Talk, told: Mapping[str, Any]) -> Talk:
        """The talk after a rating of one of its answers, or the reason for one."""
        at = int(told["turn"])
        turn = talk["turns"][at] | {"rated": told["rating"]}
        reason = told.get("reason") or turn.pop("reason", None)
        turn |= {"reason": reason} if reason and turn["rated"] == "down" else {}
        with suppress(DalilError):  # an answer of an earlier run of the service: it cannot be rated any more
            self._rate(turn)
        return _with_turn(talk, at, turn)

    def right_passage(self, talk: Talk, told: Mapping[str, Any]) -> tuple[Talk, str]:
        """The talk after a reader has shown what one of its answers should have cited, and what is said back."""
        at = next(at for at, turn in enumerate(talk["turns"]) if _is_of(turn, told["answer"]))
        right = {"article_id": told["article"], "start": int(told["start"]), "end": int(told["end"])}
        turn = {"rated": "down"} | talk["turns"][at] | {"right": right}
        try:
            self._rate(turn)
        except DalilError:
            return talk, self.words["rating_gone"]
        return _with_turn(talk, at, turn), self.words["thanks"]

    def _rate(self, turn: Kept) -> None:
        """Tell all that is known of a reader's opinion: a rating takes the place of the one before."""
        reason = self.words[turn["reason"]] if "reason" in turn else None
        passage = Passage(**turn["right"]) if "right" in turn else None
        about = Feedback(rating=turn["rated"], reason=reason, passage=passage)
        rate_checked(self.work.assistant, self.work.recent, turn["answer"]["id"], about)

    def _answered(
        self, turn: Kept, before: Sequence[Kept], choices: Mapping[str, Any], running: Running
    ) -> Iterator[tuple[list[str], str]]:
        at, words = len(before), self.words
        yield live_parts(turn, at, words, words["searching"], ""), words["searching"]
        answering = self._begun(turn["question"], before, choices, running.deadline)
        hits = answering.found.hits
        reading = words["reading"].format(count=len(hits))
        yield live_parts(turn, at, words, reading, ""), reading
        text, painted = "", 0.0
        for part in answering.text:
            if isinstance(part, Answer):
                turn.update(_kept(part, answering, choices) if _stands(part, running) else {})
            else:
                text += part
                if time.monotonic() - painted >= _FRAME_S:
                    painted = time.monotonic()
                    yield live_parts(turn, at, words, words["writing"], text), words["writing"]
        if running.stopped:
            turn["stopped"] = True

    def _begun(
        self, question: str, before: Sequence[Kept], choices: Mapping[str, Any], deadline: Deadline
    ) -> Answering:
        answer_in: dict[str, Language] = {"ar": "ar", "en": "en"}
        return self.work.begin(
            question,
            answer_in.get(choices["language"]),
            history(before),
            int(choices["passages"]),
            "extractive" if choices["mode"] == "extractive" else "auto",
            Filters(topics=tuple(choices["topics"])),
            deadline,
        )

    def _told(self, error: DalilError) -> str:
        code = shown(error)["error"]["code"]
        if code == "invalid_question":
            return self.words["error_invalid_question"].format(longest=self.work.assistant.settings.max_question_chars)
        return self.words["error_index" if code in _INDEX_CODES else "error_other"]


def talk_of(answer_id: str, known: Iterable[Talk]) -> Talk | None:
    """The conversation that holds an answer."""
    return next((talk for talk in known if any(_is_of(turn, answer_id) for turn in talk["turns"])), None)


def _is_of(turn: Kept, answer_id: str) -> bool:
    return bool(turn.get("answer", {}).get("id") == answer_id)


def _with_turn(talk: Talk, at: int, turn: Kept) -> Talk:
    return talk | {"turns": [*talk["turns"][:at], turn, *talk["turns"][at + 1 :]]}


def history(turns: Sequence[Kept]) -> list[Turn]:
    """What was said before, as the assistant takes it."""
    said = []
    for turn in turns:
        if "answer" in turn:
            said += [Turn("user", turn["question"]), Turn("assistant", turn["answer"]["text"])]
    return said


def _stands(answer: Answer, running: Running) -> bool:
    """Whether an answer is to be shown: one that was stopped before a model had said anything is not."""
    return not running.stopped or (answer.mode == "generate" and not answer.refused)


def _kept(answer: Answer, answering: Answering, choices: Mapping[str, Any]) -> Kept:
    kept: Kept = {"answer": asdict(answer)}
    if answer.refused:
        kept["nearest"] = _nearest(answering.found.hits)
        question = answering.found.question
        kept["looked_for"] = "، ".join(question[slice(*term.span)] for term in content_terms(question))
    if choices["explain"]:
        told = explained(answering.found, with_reasons=True)
        fields = ("article_id", "title", "start", "end", "signals", "matched")
        hits = [{name: hit[name] for name in fields} for hit in told["hits"]]
        kept["why"] = {"probability": told["probability"], "hits": hits}
    return kept


def _nearest(hits: Sequence[Hit]) -> list[tuple[str, str]]:
    return list({hit.article.id: hit.article.title for hit in hits}.items())[:3]
