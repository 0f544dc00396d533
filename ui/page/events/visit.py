"""A tab from its opening to its end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.api import caller_of
from ui.page.collections import render_articles_of, render_collections
from ui.page.events.shared import HIDDEN, UNLIMITED, Update, scope_of
from ui.page.keeping import StoredConversation
from ui.page.layout import ASKED_WITH, CHOICES, Page
from ui.page.scope import OPEN_RANGE, SCOPE, Scope, read_dates
from ui.page.storage import read_conversation

_KEEP_ALIVE_S = 10.0
"""How soon it is noticed that a tab has gone."""


@dataclass(frozen=True)
class VisitEvents:
    """A tab from its opening to its end, and the choices that outlast it."""

    page: Page

    def connect(self, blocks: gr.Blocks) -> None:
        """Connect it."""
        page = self.page
        chosen = page.select(*CHOICES)
        shown = page.select("transcript", "conversations", "articles", "current", "scope", "collections", "articles_of")
        shown += chosen
        blocks.load(self.restore, page.select("saved", "current", "choices"), shown, **HIDDEN)
        gr.on(
            [component.change for component in chosen],
            self.keep_choices,
            page.select(*ASKED_WITH),
            page.select("choices", "scope"),
            **HIDDEN,
        )
        topics = page.select("topics")
        page.components["scope"].drop_topic(self.drop_topic, topics, topics, **HIDDEN)
        picked = page.select("topics", "choices", "scope")
        page.components["transcript"].pick_topic(self.pick_topic, page.select(*ASKED_WITH), picked, **HIDDEN)
        limits, dated = page.select(*SCOPE), page.select("dates", "scope")
        page.components["scope"].drop_article(
            self.drop_article, limits, page.select("only_articles", "scope"), **HIDDEN
        )
        page.components["scope"].set_dates(self.set_dates, limits, dated, **HIDDEN)
        page.components["scope"].drop_dates(self.drop_dates, limits, dated, **HIDDEN)
        blocks.load(self.keep_alive, None, None, **UNLIMITED)
        blocks.unload(self.leave)

    def restore(
        self,
        request: gr.Request,
        saved: list[StoredConversation],
        current: StoredConversation,
        choices: dict[str, Any],
    ) -> Update:
        """Show what the browser has kept; of the topics those that there are."""
        page = self.page
        topics = page.library.list_topics()
        chosen = [topic for topic in choices.get("topics", ()) if topic in topics]
        restored = {name: choices.get(name, gr.skip()) for name in CHOICES}
        restored["topics"] = gr.update(choices=topics, value=chosen)
        kept = page.open_kept(saved, request)
        conversation = kept.own(read_conversation(current))
        menu = render_collections(page.chat.service, caller_of(scope_of(request)), page.chat.language)
        return (
            page.chat.render(conversation),
            page.render_conversations(kept, conversation),
            page.library.render_list(""),
            conversation.to_json(),
            page.render_scope(topics=chosen),
            menu,
            render_articles_of(menu, page.chat.language),
            *restored.values(),
        )

    def keep_choices(self, *values: Any) -> Update:
        """The choices as the browser keeps them, and what is said of them."""
        chosen = dict(zip(ASKED_WITH, values, strict=True))
        return {name: chosen[name] for name in CHOICES}, Scope.of(chosen).render(self.page.labels)

    def drop_topic(self, event: gr.EventData, topics: list[str]) -> list[str]:
        """Search the articles of one topic less; of none, all."""
        return [topic for topic in topics if topic != event.topic]

    def pick_topic(self, event: gr.EventData, *values: Any) -> Update:
        """Search the articles of one topic more, or of this one alone."""
        topics = values[ASKED_WITH.index("topics")]
        widened = topics if event.topic in topics else [*topics, event.topic]
        kept = [widened if name == "topics" else value for name, value in zip(ASKED_WITH, values, strict=True)]
        return widened, *self.keep_choices(*kept)

    def drop_article(self, event: gr.EventData, *limits: Any) -> Update:
        """Search one article less; of none, all."""
        left = [one for one in limits[SCOPE.index("only_articles")] if one[0] != event.article]
        return left, self.page.render_scope(limits, only_articles=left)

    def set_dates(self, event: gr.EventData, *limits: Any) -> Update:
        """Search the articles of some dates alone from now on."""
        dates = read_dates(str(event.first), str(event.last))
        return dates, self.page.render_scope(limits, dates=dates)

    def drop_dates(self, *limits: Any) -> Update:
        """Search articles of all dates, and those without one."""
        return OPEN_RANGE, self.page.render_scope(limits, dates=OPEN_RANGE)

    async def keep_alive(self) -> AsyncIterator[None]:
        """Keep Gradio's stream of answers open: it ends when nothing is pending, and loses what is pressed then."""
        while True:
            yield
            await asyncio.sleep(_KEEP_ALIVE_S)

    def leave(self, request: gr.Request) -> None:
        """End what a tab that has gone had asked."""
        self.page.chat.stop(str(request.session_hash))
