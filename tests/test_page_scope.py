"""What the search is limited to: dates beside topics and articles, in words and on the page."""

import pytest

from rag.types import Filters
from tests.browser import BROWSER_TEST, HYPERION, ask, open_tab
from ui.page.labels import load_labels
from ui.page.scope import Scope, read_dates


def test_what_is_chosen_becomes_the_filters_of_the_search():
    chosen = {"topics": ["بيئة"], "only_articles": [["a", "عنوان"]], "dates": ["2020-01-01", ""], "mode": "auto"}
    assert Scope.of(chosen).to_filters() == Filters(("a",), ("بيئة",), date_from="2020-01-01")
    assert not Scope.of({"topics": None}).to_filters()


@pytest.mark.parametrize(
    ("first", "last", "dates"),
    [
        ("2020-01-02", "2021-03-04", ("2020-01-02", "2021-03-04")),
        ("2021-03-04", "2020-01-02", ("2020-01-02", "2021-03-04")),
        ("", "2020-01-02", ("", "2020-01-02")),
        ("2020-01-02", "", ("2020-01-02", "")),
        ("2020-13-45", "<b>", ("", "")),
    ],
)
def test_ends_are_put_in_order_and_what_is_no_date_is_an_open_end(first, last, dates):
    assert read_dates(first, last) == dates


def test_a_scope_says_each_of_its_parts():
    labels = load_labels("en")
    scope = Scope(("Water",), (("a", "A title"), ("b", "")), ("2020-01-01", "2021-12-31"))
    assert scope.describe(labels) == ["Water", "A title", "b", "2020-01-01 to 2021-12-31"]
    assert Scope(dates=("", "2021-12-31")).describe(labels) == ["until 2021-12-31"]
    assert Scope(dates=("2020-01-01", "")).describe(labels) == ["since 2020-01-01"]
    assert Scope().describe(labels) == []


def limit_to(tab, first: str, last: str) -> None:
    tab.locator(".dalil-dates summary").click()
    tab.fill(".dalil-dates [name=first]", first)
    tab.fill(".dalil-dates [name=last]", last)
    tab.click("[data-act=set_dates]")


class TestPage:
    pytestmark = BROWSER_TEST

    @pytest.mark.parametrize("language", ["ar", "en"])
    def test_dates_limit_the_search_and_a_refusal_within_them_offers_all_articles(self, site, chromium, language):
        labels = load_labels(language)
        told = labels["dates_between"].format(first="1900-01-01", last="1901-12-31")
        with open_tab(chromium, f"{site}/{language}/") as tab:
            limit_to(tab, "1901-12-31", "1900-01-01")
            tab.wait_for_selector("#dalil-scope [data-act=drop_dates]")
            assert told in tab.locator("#dalil-scope p").inner_text()
            assert tab.locator(".dalil-dates[open]").count() == 0
            assert tab.input_value(".dalil-dates [name=first]") == "1900-01-01"
            refused = ask(tab, HYPERION)
            assert refused.locator(".dalil-refusal").count() == 1
            assert told in refused.locator(".dalil-scope-row").inner_text()
            refused.locator("[data-act=widen]").click()
            tab.wait_for_selector(".dalil-turn:last-child .dalil-chip[data-article=meta-superclusters]")
            tab.get_by_role("button", name=labels["scope_drop"].format(topic=told)).click()
            tab.wait_for_selector("#dalil-scope p", state="detached")
            assert ask(tab, HYPERION).locator(".dalil-chip").count() > 0

    def test_an_article_within_the_dates_is_found(self, english):
        limit_to(english, "2000-01-01", "")
        english.wait_for_selector("#dalil-scope [data-act=drop_dates]")
        assert ask(english, HYPERION).locator(".dalil-chip[data-article=meta-superclusters]").count() > 0
