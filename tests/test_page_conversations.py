"""The list of conversations: grouped by day, searched, saved, deleted."""

import json
from pathlib import Path

import pytest

from tests.browser import BROWSER_TEST, CASTLE, HYPERION, ask, open_tab
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST

RAILWAY = "متى وصل قطار الحجاز إلى المدينة المنورة؟"
QUESTIONS = (HYPERION, CASTLE, RAILWAY)
LATER = """days => {
    const shift = days * 86_400_000, Then = Date;
    globalThis.Date = class extends Then {
        constructor(...all) { all.length ? super(...all) : super(Then.now() + shift); }
        static now() { return Then.now() + shift; } };
}"""


def ask_apart(tab):
    """Each question in a conversation of its own."""
    for question in QUESTIONS:
        tab.click("[data-act=new]")
        tab.wait_for_selector(".dalil-welcome")
        ask(tab, question)
    tab.wait_for_function("document.querySelectorAll('.dalil-conversation-list li').length === 3")


def shown_days(tab) -> list[str]:
    return tab.locator(".dalil-day:visible").all_text_contents()


@pytest.mark.parametrize(("language", "today", "yesterday"), [("ar", "اليوم", "أمس"), ("en", "today", "yesterday")])
def test_conversations_are_grouped_by_day_searched_saved_and_deleted(site, chromium, language, today, yesterday):
    labels = load_labels(language)
    with open_tab(chromium, f"{site}/{language}/") as tab:
        ask_apart(tab)
        assert shown_days(tab) == [today]
        rows = tab.locator(".dalil-conversation-list li:visible")
        box = tab.get_by_role("searchbox", name=labels["search_conversations"])
        box.fill("المدينه")  # of another spelling
        assert rows.locator("[data-act=select]").all_inner_texts() == [RAILWAY]
        box.fill("غيغاواط")  # of an answer
        assert rows.locator("[data-act=select]").all_inner_texts() == [HYPERION]
        box.fill("لا شيء كهذا")
        assert (rows.count(), shown_days(tab)) == (0, [])
        assert labels["no_conversation_found"] in tab.locator(".dalil-conversation-search").inner_text()
        box.press("Escape")
        assert rows.count() == 3
        tab.evaluate(LATER, 1)
        tab.locator("[data-act=select]").last.click()  # paints the list again
        tab.wait_for_function("day => document.querySelector('.dalil-day')?.textContent === day", arg=yesterday)
        assert shown_days(tab) == [yesterday]
        tab.locator(".dalil-all summary").click()
        with tab.expect_download() as saved:
            tab.click("[data-form=all]")
        kept = json.loads(Path(saved.value.path()).read_text("utf-8"))
        assert sorted(one["turns"][0]["question"] for one in kept) == sorted(QUESTIONS)
        tab.click("[data-act=delete_all]")
        tab.get_by_role("dialog").get_by_role("button", name=labels["delete_all"]).click()
        tab.wait_for_function("document.querySelectorAll('.dalil-conversation-list li').length === 0")
        tab.reload()
        tab.wait_for_selector(".dalil-welcome")
        assert tab.locator(".dalil-conversation-list li").count() == 0
