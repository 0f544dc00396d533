"""What a first visitor sees: what this is, what it knows, and questions that really work on these articles."""

import json
import threading
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from rag.answering.assistant import Assistant
from rag.language.languages import DEFAULT_LANGUAGE, LANGUAGES, other_language
from rag.store import ArticleSummary
from rag.types import AnswerRequest, Language
from ui.page.html import direction_of, render_macro
from ui.page.kept_examples import KeptExamples
from ui.page.labels import Labels, load_labels
from ui.page.scope import Scope

_CURATED = Path(__file__).parent / "examples.json"
"""Questions about the sample articles, per language; shown only where the articles hold the answer."""
_MAX_EXAMPLES = 4
"""Of a language."""
_MAX_TOPICS = 12
_MAX_NEWEST = 5
_MAX_TITLES_TRIED = 12


class FirstScreen:
    """What stands beneath the box while nothing has been asked, in each language: made once for each state of the
    collection; its examples are tried once for all starts.

    Parameters
    ----------
    assistant : Assistant
        That the examples are tried on, and whose articles are told of.
    """

    def __init__(self, assistant: Assistant) -> None:
        self._assistant, self._kept = assistant, KeptExamples(assistant)
        self._rendered: dict[Language, tuple[_Generation, str]] = {}
        self._locks = {language: threading.Lock() for language in LANGUAGES}

    def render(self, language: Language) -> str:
        """It in the interface's language, as HTML; made anew when the collection has changed."""
        with self._locks[language]:
            generation = self._find_generation()
            known, rendered = self._rendered.get(language, (None, ""))
            if known != generation:
                rendered = self._render(language, generation)
                self._rendered[language] = (generation, rendered)
            return rendered

    def peek(self, language: Language) -> str:
        """It as it was made last; empty where it is being made, or has never been: nobody waits."""
        lock = self._locks[language]
        if not lock.acquire(blocking=False):
            return ""
        try:
            return self._rendered.get(language, (None, ""))[1]
        finally:
            lock.release()

    def warm(self) -> None:
        """Make it in every language, and answer a question, before somebody comes: models and templates take their time
        when they are first used."""
        for language in LANGUAGES:
            self.render(language)
        if self._assistant.store.count_articles():
            self._assistant.ask(AnswerRequest(_curated_questions()[DEFAULT_LANGUAGE][0], mode="extractive"))

    def _find_generation(self) -> "_Generation":
        store = self._assistant.store
        return _Generation(store.count_articles(), store.count_chunks(), tuple(store.list_articles(_MAX_TITLES_TRIED)))

    def _render(self, language: Language, generation: "_Generation") -> str:
        labels, store = load_labels(language), self._assistant.store
        count = store.count_articles()
        if not count:
            return render_macro("welcome", "empty", labels=labels)
        model = self._assistant.settings.llm_name
        return render_macro(
            "welcome",
            "start",
            count=count,
            writer=labels["generated"].format(model=model) if model else labels["extractive"],
            topics=dict(islice(store.count_topics().items(), _MAX_TOPICS)),
            examples=self._find_answerable(language, generation),
            newest=generation.newest[:_MAX_NEWEST],
            way=direction_of(language),
            labels=labels,
        )

    def _find_answerable(self, language: Language, generation: "_Generation") -> list[str]:
        about = load_labels(language)["example_about"]
        tried = [*_curated_questions()[language], *(about.format(title=one.title) for one in generation.newest)]
        revisions = [(article.id, article.revision) for article in generation.newest]
        state = (generation.articles, generation.chunks, revisions, tried)
        found = self._kept.find(language, state)
        if found is None:
            found = list(islice(filter(self._is_answerable, tried), _MAX_EXAMPLES))
            self._kept.keep(language, state, found)
        return found

    def _is_answerable(self, question: str) -> bool:
        if len(question) > self._assistant.settings.max_question_chars:
            return False
        result = self._assistant.search(question)
        return bool(result.hits) and not self._assistant.read(result).is_unsure


class _Generation(NamedTuple):
    """What tells one state of the collection from another: how much there is of it, and what was written last."""

    articles: int
    chunks: int
    newest: tuple[ArticleSummary, ...]


@cache
def _curated_questions() -> dict[Language, list[str]]:
    questions: dict[Language, list[str]] = json.loads(_CURATED.read_text("utf-8"))
    return questions


def render_shell(language: Language, start: str, collections: str) -> str:
    """The first screen as it comes with the page, before Gradio has started; `start` is what stands beneath the
    box, `collections` the menu of these."""
    return render_macro(
        "shell",
        "shell",
        other_language=other_language(language),
        start=Markup(start),
        scope=Scope(),
        collections=Markup(collections),
        labels=load_labels(language),
    )


def render_welcome(labels: Labels) -> str:
    """What stands above the box while nothing has been asked."""
    return render_macro("welcome", "hero", labels=labels)
