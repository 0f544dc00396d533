"""Questions that follow others: put in words that stand alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from prompts import reader_message, render_prompt
from rag.answering.generation import make_prompt_safe
from rag.answering.llm import ChatModel, Deadline, stream_text
from rag.answering.passages import ReadPassages
from rag.errors import ModelError
from rag.grounding.entities import EntityIndex, unsupported_entities
from rag.grounding.quantities import quantities_supported
from rag.grounding.verifier import NO_ANSWER
from rag.language.document import Document
from rag.language.languages import PROFILES
from rag.language.normalize import fold_text
from rag.language.sentences import find_sentences
from rag.language.terms import Term
from rag.types import Message

_MAX_MESSAGES = 6
"""Earlier messages shown to the model."""
_MAX_MESSAGE_CHARS = 600
_CONJUNCTION = re.compile(r"^\s*(?:(?:and|but|so)\s+|[وف](?=\w{2}))", re.IGNORECASE)
_MAX_ELLIPTICAL_TERMS = 6
"""Of a question without a word that asks."""
_MIN_CONTENT_TERMS = 2
"""A question of fewer says too little to stand alone."""
_NEAR_WEIGHT, _MAX_AWAY, _MIN_QUOTED_CHARS = 2.0, 2, 15
"""What a sentence that the last answer quotes, or that stands at most so many sentences from one, counts for beside the
others. First quotes right, with 1, 2 and, for the quoted ones, 3: of 102 follow-ups over the sample articles 66, 72 and
73, of 96 over other articles, written by someone who had seen neither, 67, 70 and 68. What is shorter than a quote says
nothing of where it is from."""
_AROUND = " \t\"'“”«»*_`#>-–—"
"""What a model may put around a question."""
_MARKS = ("?", "؟")
_LABEL = re.compile(r"^[^:؟?]{1,40}:[\s*_]+(?=\S)")
"""As in "Rewritten question:"."""


def refers_back(question: Document) -> bool:
    """Whether a question has a word for what was said before it: "How does it work?"."""
    return any(profile.follow_up.search(question.folded_text.text) for profile in PROFILES.values())


def is_follow_up(question: Document) -> bool:
    """Whether a question refers to what was said before it, leaves out what is asked of it ("And in winter?"), or says
    too little to stand alone."""
    return (
        refers_back(question) or len(question.content_terms) < _MIN_CONTENT_TERMS or _leaves_out_what_is_asked(question)
    )


def without_conjunction(question: str) -> str:
    """A question without the "and" or "but" that it begins with."""
    return _CONJUNCTION.sub("", question)


def find_subject(history: Sequence[Message]) -> str:
    """What a conversation is about: the article that was cited last, else the last question; empty where there is
    neither."""
    questions = [message.text for message in history if message.role == "user"]
    return (last_title(history) or questions[-1]) if questions else ""


def restore_subject(question: str, history: Sequence[Message]) -> str:
    """A question behind what it leaves unsaid: the title of the article that was cited last, and the words of the
    question before it.

    The title alone finds the article, but rarely the passage in it. Of 83 follow-ups over the sample articles, on which
    nothing was chosen but this, the window that is read holds the answer of 59 with it, of 72 with both, and the first
    quote answers 40 and 55; with the words of two questions before 51.
    """
    asked = [_without_asking(message.text) for message in history if message.role == "user"]
    words = next((" ".join(term.surface for term in terms) for terms in reversed(asked) if terms), "")
    title = last_title(history)
    return f"{title}: {words} {question}" if title else f"{words} {question}"


def names_new_subject(question: Document, title: str, history: Sequence[Message]) -> bool:
    """Whether a question names what another article is titled by, and the one that was cited last is not."""
    known = Document(last_title(history)).stems
    asked = frozenset(stem for term in _without_asking(question.text) for stem in term.stems)
    named = asked & Document(title).content_stems
    return bool(known) and not known & named and bool(named)


def weigh_by_last_answer(passages: ReadPassages, history: Sequence[Message]) -> ReadPassages:
    """What was read where the sentences that the last answer quotes, and those near them, count for more: what is asked
    next often stands beside what was answered."""
    answers = [message.text for message in history if message.role == "assistant"]
    said = fold_text(answers[-1]) if answers else ""
    by_place = {(one.hit.article.id, one.span): one.text for one in passages.scored}
    places = sorted(by_place.items())
    quoted = [
        (at, article)
        for at, ((article, _), text) in enumerate(places)
        if len(words := fold_text(text)) >= _MIN_QUOTED_CHARS and words in said
    ]
    near = {
        place
        for at, (place, _) in enumerate(places)
        if any(place[0] == article and abs(at - other) <= _MAX_AWAY for other, article in quoted)
    }
    weights = [
        _NEAR_WEIGHT if (one.sentence.hit.article.id, one.sentence.span) in near else 1.0
        for one in passages.reading.sentences
    ]
    return replace(passages, reading=passages.reading.weigh_sentences(weights))


def last_title(history: Sequence[Message]) -> str:
    """The title that the last answer that named one named first; empty when none did."""
    answers = [message.text for message in history if message.role == "assistant"]
    for language, profile in PROFILES.items():
        opening, closing = profile.quotation_marks
        before, after = reader_message(language, "source", title="\0").split("\0")
        if answers and before.rstrip(opening) in answers[-1]:
            said = answers[-1].split(before, 1)[-1]
            return said.split(after.rstrip(), 1)[0].strip(opening + closing)
    return ""


def _without_asking(question: str) -> list[Term]:
    """The words of a question that say what it is about."""
    return Document(without_conjunction(question)).content_terms


def _leaves_out_what_is_asked(question: Document) -> bool:
    profile = PROFILES[question.language]
    bare = Document(without_conjunction(question.text), question.language)
    asks = re.search(rf"(?<!\w)(?:{'|'.join(profile.question_types.values())})(?!\w)", bare.folded_text.text)
    # What follows it says what is asked: "What about dates? How many are there?"
    is_alone = len(bare.sentences) == 1
    is_about = is_alone and any(one.follow_up_about.match(bare.folded_text.text) for one in PROFILES.values())
    return is_about or not bare.content_terms or (not asks and len(bare.terms) <= _MAX_ELLIPTICAL_TERMS)


def rewrite_question(
    model: ChatModel, question: Document, history: Sequence[Message], deadline: Deadline
) -> str | None:
    """A follow-up question in words that need no conversation around them.

    Parameters
    ----------
    model : ChatModel
        That rewrites.
    question : Document
        The question.
    history : sequence of Message
        The conversation before it, oldest first.
    deadline : Deadline
        For the answer as a whole.

    Returns
    -------
    str or None
        None when the model fails or gives nothing usable: a question in the same language that keeps every number, in
        whichever form, and every name, in whichever script. The question itself can always be asked.
    """
    said = [message for message in history if message.role != "system"][-_MAX_MESSAGES:]
    conversation = "\n".join(f"{one.role}: {make_prompt_safe(one.text[:_MAX_MESSAGE_CHARS])}" for one in said)
    prompt = render_prompt(question.language, "standalone", conversation=conversation, question=question.text)
    try:
        draft = "".join(stream_text(model, [Message("user", prompt)], deadline))
    except ModelError:
        return None
    return next((found for found in _find_questions(draft) if _preserves_facts(found, question)), None)


def _find_questions(draft: str) -> Iterator[str]:
    """The questions in what a model wrote, without what stands around them on their lines: a greeting, a label, an
    answer, marks of Markdown and quotation marks."""
    for line in draft.splitlines():
        text = _LABEL.sub("", line.strip(_AROUND))
        asked = [
            piece for span in find_sentences(text) if (piece := text[slice(*span)].strip(_AROUND)).endswith(_MARKS)
        ]
        if asked:
            yield " ".join(asked)


def _preserves_facts(text: str, question: Document) -> bool:
    """Whether a rewritten question is about what the question is about, in the same language, and lost no number and no
    name."""
    rewritten = Document(text)
    if len(text) > 3 * len(question.text) + 300 or rewritten.language != question.language or NO_ANSWER in text:
        return False
    is_about_it = not question.content_stems or not question.content_stems.isdisjoint(rewritten.content_stems)
    if not is_about_it or not quantities_supported(question, [rewritten]):
        return False
    known = EntityIndex.of(rewritten)
    capitalized = [
        term for term in question.content_terms if term.span.start and question.text[term.span.start].isupper()
    ]
    has_all_words = all(known.contains_word(term) for term in capitalized if not _is_listed(term, question))
    return has_all_words and next(unsupported_entities(question, known), None) is None


def _is_listed(term: Term, question: Document) -> bool:
    """Whether a word is part of a listed name, which may be called otherwise in another script."""
    return any(name.span.overlaps(term.span) for name in question.listed_names)
