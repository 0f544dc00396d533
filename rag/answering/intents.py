"""What is asked that no passage answers: talk, the collection itself, a summary. Taken only when sure.

What people say is known by examples, `prompts/<language>/intents.json`: a question is what an example is when it says
the same (by the sentence vectors of the index), or, for what names a subject, when it is worded like one.
"""

import re
from functools import cache, lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.answering.utterances import match_utterance, utterances
from rag.embedding import Encoder
from rag.language.document import Document
from rag.language.languages import LANGUAGES
from rag.language.normalize import fold_text, normalize_for_embedding

IntentKind = Literal[
    "greeting", "thanks", "goodbye", "identity", "abilities", "list", "newest", "about", "summary",
    "shorter", "longer", "again",
]  # fmt: skip
TALK: tuple[IntentKind, ...] = ("greeting", "thanks", "goodbye", "identity", "abilities")
COLLECTION: tuple[IntentKind, ...] = ("list", "newest")
TURNS: tuple[IntentKind, ...] = ("shorter", "longer", "again")
"""About the last answer."""
_BY_EXAMPLE: tuple[IntentKind, ...] = (*TALK, *COLLECTION)
_WITH_SUBJECT: tuple[IntentKind, ...] = ("about", "summary")
_SURE, _LIKELY = 0.85, 0.72
"""Cosines to the nearest example. None of the 17,977 questions that the reader learns from or is judged on reaches the
second. What lies between the two is talk only where no article answers it."""
_MAX_TERMS = 10
"""Of what may say the same as an example: none has more than eight."""
_MAX_TURN_TERMS = 6
"""Of what is said about the last answer."""
_BETWEEN = re.compile(r"[.,;!?،؛؟\n]+|\band\b|\s+و\s*(?=\w)")
"""Between several things that are said at once."""
_WORD = re.compile(r"[\w'’]+")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


class Intent(NamedTuple):
    """What a question is about.

    Attributes
    ----------
    kind : IntentKind
        Which.
    subject : str
        What is to be summarised, or what articles are asked for about; empty where it names nothing.
    is_sure : bool
        Whether it is taken whatever the articles hold.
    """

    kind: IntentKind
    subject: str = ""
    is_sure: bool = True


class IntentDetector:
    """Tells the intent of questions; the examples are embedded when the first is asked that is as short as they are.

    Parameters
    ----------
    encoder : Encoder
        Of sentences.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def detect(self, question: Document) -> Intent | None:
        """The intent of a question; None for one that the articles are to answer."""
        phrases = _known_phrases(_BY_EXAMPLE)
        if kind := phrases.get(_key(question.text)) or _find_last_of_several(question.text):
            return Intent(kind)
        is_short = len(question.terms) <= _MAX_TERMS
        return _match_subject(question) or (self._find_nearest(question.text, _BY_EXAMPLE) if is_short else None)

    def detect_turn(self, question: Document) -> Intent | None:
        """The intent of what is said about the last answer; None for a question of its own."""
        if kind := _known_phrases(TURNS).get(_words_key(question.text)):
            return Intent(kind)
        nearest = self._find_nearest(question.text, TURNS) if len(question.terms) <= _MAX_TURN_TERMS else None
        return nearest if nearest and nearest.is_sure else None

    def _find_nearest(self, text: str, among: tuple[IntentKind, ...]) -> Intent | None:
        kinds, vectors = _embed_examples(self._encoder, among)
        cosines = vectors @ self._encoder.embed_sentences([normalize_for_embedding(text)])[0]
        at = int(np.argmax(cosines))
        return Intent(kinds[at], is_sure=bool(cosines[at] >= _SURE)) if cosines[at] >= _LIKELY else None


def _find_last_of_several(text: str) -> IntentKind | None:
    """What is said last where all that is said is talk: "Hello, who are you and what can you do?"."""
    kinds = [_known_phrases(TALK).get(_key(part)) for part in _BETWEEN.split(text) if _key(part)]
    return kinds[-1] if len(kinds) > 1 and all(kinds) else None


@lru_cache(maxsize=2)
def _embed_examples(encoder: Encoder, among: tuple[IntentKind, ...]) -> tuple[list[IntentKind], NDArray[np.float32]]:
    """The kind of each example, and their vectors (examples, sentence_dimension): a quarter of a second's work."""
    pairs = [(kind, text) for language in LANGUAGES for kind in among for text in utterances(language)[kind]]
    return [kind for kind, _ in pairs], encoder.embed_sentences([normalize_for_embedding(text) for _, text in pairs])


def _match_subject(question: Document) -> Intent | None:
    """An intent that names a subject, by how it is worded."""
    for kind in _WITH_SUBJECT:
        if slots := match_utterance(question, kind):
            return Intent(kind, _strip_subject(slots["subject"]))
    return None


def _strip_subject(subject: str) -> str:
    """A subject without the words around its name, such as "the article about"."""
    words = subject.split()
    around = {_words_key(word) for language in LANGUAGES for word in utterances(language)["subject_words"]}
    while words and _words_key(words[0]) in around:
        words.pop(0)
    while words and _words_key(words[-1]) in around:
        words.pop()
    return " ".join(words)


def _key(text: str) -> str:
    """What a phrase is known by: its words without those that change nothing (please, now, said by name)."""
    words = _WORD.findall(_words_key(text))
    bare = [word for word in words if word not in _added_words()]
    return " ".join(bare or words)


def _words_key(text: str) -> str:
    return _EDGES.sub("", " ".join(fold_text(text).split()))


@cache
def _added_words() -> frozenset[str]:
    return frozenset(_words_key(word) for language in LANGUAGES for word in utterances(language)["added_words"])


@cache
def _known_phrases(among: tuple[IntentKind, ...]) -> dict[str, IntentKind]:
    key = _words_key if among == TURNS else _key
    return {key(text): kind for language in LANGUAGES for kind in among for text in utterances(language)[kind]}
