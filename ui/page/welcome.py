"""What a first visitor sees: what this is, what it knows, and questions that really work on these articles."""

import threading
from collections import Counter

from rag.answering.assistant import Assistant
from rag.store import Head
from ui.page.answers import Words
from ui.page.html import button, element, isolated, written

_CURATED = {
    "ar": (
        "كم عدد المعالجات الرسومية التي دُرِّب عليها Llama 3؟",
        "ما اسم أول عنقود فائق لشركة ميتا؟",
        "متى وصل قطار الحجاز إلى المدينة المنورة؟",
    ),
    "en": (
        "How many stadiums hosted the 2022 World Cup in Qatar?",
        "How much did Meta invest in Scale AI?",
        "When did the Hejaz railway reach Medina?",
    ),
}
"""Questions about the sample articles; shown only where the articles hold the answer."""
_TITLED = {"ar": "ماذا تقول المقالات عن {title}؟", "en": "What do the articles say about {title}?"}
_EACH = 3
_TOPICS = 8
_TRIED = 12


class Examples:
    """Questions in both languages that the articles answer, found anew when the collection has changed."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._of, self._found = -1, list[str]()
        self._lock = threading.Lock()

    def questions(self, heads: list[Head]) -> list[str]:
        """Up to three in each language."""
        with self._lock:
            if self._of != self._assistant.store.chunk_count:
                self._of = self._assistant.store.chunk_count
                self._found = [one for language in _CURATED for one in self._answered(language, heads)]
            return self._found

    def _answered(self, language: str, heads: list[Head]) -> list[str]:
        tried = [*_CURATED[language], *(_TITLED[language].format(title=head.title) for head in heads[:_TRIED])]
        found: list[str] = []
        for question in tried:
            if len(found) < _EACH and len(question) <= self._assistant.settings.max_question_chars:
                hits = self._assistant.search(question)
                found += [] if not hits.hits or self._assistant.refuses(hits) else [question]
        return found


def welcome_html(assistant: Assistant, examples: Examples, words: Words) -> str:
    """The welcome, in the interface's language."""
    heads = sorted(assistant.store.heads().values(), key=lambda head: head.id)
    model = assistant.settings.model
    how = words["generated"].format(model=model) if model else words["extractive"]
    if not heads:
        return _card(words["welcome"], element("p", words["welcome_empty"]))
    topics = [topic for topic, _ in Counter(head.topic for head in heads if head.topic).most_common(_TOPICS)]
    known = words["welcome_topics"].format(topics=" · ".join(written(topic, "bdi") for topic in topics))
    asked = "".join(
        element("li", button(question, "example", written(question), data_question=question))
        for question in examples.questions(heads)
    )
    return _card(
        words["welcome"],
        element("p", words["welcome_how"].format(count=len(heads))),
        element("p", how),
        element("p", known, cls="dalil-small") if topics else "",
        element("h3", words["welcome_examples"]) + element("ul", asked, cls="dalil-examples") if asked else "",
    )


def _card(title: str, *content: str) -> str:
    return element(
        "div",
        element("h2", isolated(title, "rtl" if title[0] > "z" else "ltr")) + "".join(content),
        cls="dalil-welcome",
    )
