"""The list of articles, and files that are dropped."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.api import acting_for, name_of
from ui.page.article_list import ListOrder
from ui.page.dropped import DroppedFile, Upload, discard_uploads
from ui.page.events.shared import HIDDEN, Update, scope_of
from ui.page.layout import Page
from ui.page.scope import SCOPE


@dataclass(frozen=True)
class LibraryEvents:
    """The list of articles, and files that are dropped."""

    page: Page

    def connect(self) -> None:
        """Connect it."""
        page, components = self.page, self.page.components
        listed, ordered = page.select("articles"), page.select("filter", "order")
        components["filter"].change(page.library.render_list, ordered, listed, trigger_mode="always_last", **HIDDEN)
        # `multiple`: what is pressed while another removal is under way counts as well.
        components["articles"].remove(self.remove, ordered, listed, trigger_mode="multiple", **HIDDEN)
        components["articles"].undo(self.undo, ordered, listed, trigger_mode="multiple", **HIDDEN)
        components["articles"].rename(self.rename, ordered, listed, trigger_mode="multiple", **HIDDEN)
        rereading = page.select("filter", "order", "read_ocr")
        components["articles"].reread(self.reread, rereading, listed, trigger_mode="multiple", **HIDDEN)
        components["articles"].sort(self.sort, ordered, page.select("articles", "order"), **HIDDEN)
        components["articles"].more(self.show_more, ordered, page.select("articles", "order"), **HIDDEN)
        scope = page.select("only_articles", "scope")
        components["articles"].about(self.limit_to_selected, page.select(*SCOPE), scope, **HIDDEN)
        pending, planned = page.select("pending"), page.select("plan", "pending", "add", "cancel")
        dropping = page.select("pending", "read_ocr")
        components["files"].upload(self.plan, dropping, planned, trigger_mode="multiple", **HIDDEN)
        components["add"].click(self.add, page.select("pending", "filter", "order"), planned + listed, **HIDDEN)
        components["cancel"].click(self.cancel, pending, planned, **HIDDEN)

    def remove(self, event: gr.EventData, request: gr.Request, wanted: str, order: ListOrder) -> str:
        """Take articles out."""
        library = self.page.library
        with acting_for(_caller_of(request)):
            notice = library.remove(*_ids_of(event))
        return library.render_list(wanted, order, notice)

    def undo(self, event: gr.EventData, request: gr.Request, wanted: str, order: ListOrder) -> str:
        """Put back what was taken out."""
        library = self.page.library
        with acting_for(_caller_of(request)):
            notice = library.restore(*_ids_of(event))
        return library.render_list(wanted, order, notice)

    def rename(self, event: gr.EventData, request: gr.Request, wanted: str, order: ListOrder) -> str:
        """Give an article another title."""
        library = self.page.library
        with acting_for(_caller_of(request)):
            notice = library.rename(str(event.article), str(event.name))
        return library.render_list(wanted, order, notice)

    def reread(
        self, event: gr.EventData, request: gr.Request, wanted: str, order: ListOrder, ocr: bool
    ) -> Iterator[str]:
        """Read articles again from their originals."""
        library = self.page.library
        for notice in library.reread(_ids_of(event), ocr, _caller_of(request)):
            yield library.render_list(wanted, order, notice)

    def sort(self, event: gr.EventData, wanted: str, order: ListOrder) -> Update:
        """Sort the list by a column."""
        by_column = order.by(str(event.column))
        return self.page.library.render_list(wanted, by_column), by_column

    def show_more(self, wanted: str, order: ListOrder) -> Update:
        """Show more rows of the list."""
        longer = order.with_more()
        return self.page.library.render_list(wanted, longer), longer

    def limit_to_selected(self, event: gr.EventData, *limits: Any) -> Update:
        """Search the selected articles alone from now on."""
        only = _articles_of(event)
        return only, self.page.render_scope(limits, only_articles=only)

    def plan(self, event: gr.EventData, pending: list[Upload], ocr: bool) -> Update:
        """Say what adding these files would do, beside those that wait already."""
        library = self.page.library
        uploads, problems = library.accept([DroppedFile(**file) for file in event.files], ocr)
        planned, new = library.plan([*pending, *uploads], problems)
        return planned, new, gr.update(visible=bool(new)), gr.update(visible=bool(planned))

    def add(self, request: gr.Request, pending: list[Upload], wanted: str, order: ListOrder) -> Iterator[Update]:
        """Add what was planned, file by file."""
        hidden = gr.update(visible=False)
        for outcomes in self.page.library.add(pending, _caller_of(request)):
            yield outcomes, [], hidden, hidden, gr.skip()
        yield gr.skip(), [], hidden, hidden, self.page.library.render_list(wanted, order)

    def cancel(self, pending: list[Upload]) -> Update:
        """Discard what was planned."""
        discard_uploads(pending)
        return "", [], gr.update(visible=False), gr.update(visible=False)


def _caller_of(request: gr.Request) -> str:
    """By which the audit log calls whose event this is."""
    return name_of(scope_of(request))


def changes_articles(function: Any) -> bool:
    """Whether an event, by the function that it calls, changes the articles: all of this area that are not known to
    read alone."""
    reading = (LibraryEvents.sort, LibraryEvents.show_more, LibraryEvents.limit_to_selected, LibraryEvents.cancel)
    is_here = isinstance(getattr(function, "__self__", None), LibraryEvents)
    return is_here and function.__func__ not in reading


def _articles_of(event: gr.EventData) -> list[tuple[str, str]]:
    """Ids and titles of the articles that a button is about: its own, or those that are selected."""
    selected = getattr(event, "articles", None)
    if selected is None:
        return [(str(event.article), str(getattr(event, "title", "")))]
    return [(str(article_id), str(title)) for article_id, title in json.loads(selected)]


def _ids_of(event: gr.EventData) -> list[str]:
    return [article_id for article_id, _ in _articles_of(event)]
