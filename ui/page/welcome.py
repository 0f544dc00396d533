"""What a first visitor sees: what this is, what it knows, and questions that really work on these articles."""

import json
import threading
from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from rag.answering.assistant import Assistant
from rag.store import ArticleSummary
from rag.types import Language
from ui.page.html import direction_of, render_macro
from ui.page.labels import Labels, load_labels

_CURATED = Path(__file__).parent / "examples.json"
"""Questions about the sample articles, per language; shown only where the articles hold the answer."""
_MAX_EXAMPLES = 4
"""Of a language."""
_MAX_TOPICS = 12
_MAX_NEWEST = 5
_MAX_TITLES_TRIED = 12


class Examples:
    """Questions in each language that the articles answer, found anew when the collection has changed.

    Parameters
    ----------
    assistant : Assistant
        That they are tried on.
    """

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._chunks, self._found = -1, dict[Language, list[str]]()
        self._lock = threading.Lock()

    def find_questions(self, language: Language) -> list[str]:
        """Up to four in a language; those of another one are looked for when somebody wants them."""
        with self._lock:
            chunks = self._assistant.store.count_chunks()
            if self._chunks != chunks:
                self._chunks, self._found = chunks, {}
            if language not in self._found:
                articles = self._assistant.store.list_articles(_MAX_TITLES_TRIED)
                self._found[language] = self._find_answerable(language, articles)
            return self._found[language]

    def _find_answerable(self, language: Language, articles: Sequence[ArticleSummary]) -> list[str]:
        about = load_labels(language)["example_about"]
        tried = [*_curated_questions()[language], *(about.format(title=article.title) for article in articles)]
        found: list[str] = []
        for question in tried:
            if len(found) < _MAX_EXAMPLES and self._is_answerable(question):
                found.append(question)
        return found

    def _is_answerable(self, question: str) -> bool:
        if len(question) > self._assistant.settings.max_question_chars:
            return False
        result = self._assistant.search(question)
        return bool(result.hits) and not self._assistant.read(result).is_unsure


@cache
def _curated_questions() -> dict[Language, list[str]]:
    questions: dict[Language, list[str]] = json.loads(_CURATED.read_text("utf-8"))
    return questions


def render_welcome(labels: Labels) -> str:
    """What stands above the box while nothing has been asked."""
    return render_macro("welcome", "hero", labels=labels)


def render_start(assistant: Assistant, examples: Examples, language: Language) -> str:
    """What stands beneath the box while nothing has been asked, in the interface's language."""
    labels, store = load_labels(language), assistant.store
    count = store.count_articles()
    if not count:
        return render_macro("welcome", "empty", labels=labels)
    model = assistant.settings.llm_name
    return render_macro(
        "welcome",
        "start",
        count=count,
        writer=labels["generated"].format(model=model) if model else labels["extractive"],
        topics=dict(islice(store.count_topics().items(), _MAX_TOPICS)),
        examples=examples.find_questions(language),
        newest=store.list_articles(_MAX_NEWEST),
        way=direction_of(language),
        labels=labels,
    )
