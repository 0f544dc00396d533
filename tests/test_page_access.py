"""The page for everybody: on a phone, by keyboard, for screen readers, behind keys."""

import httpx
import pytest

from tests.browser import BROWSER_TEST, CASTLE, CASTLE_ARTICLE, HYPERION, ask, marked_text, open_tab, serve_articles
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST


def test_a_phone_shows_everything_one_below_the_other(site, chromium):
    with open_tab(chromium, f"{site}/ar/", viewport={"width": 360, "height": 740}) as phone:
        ask(phone, HYPERION).locator("button.dalil-chip").first.click()
        phone.wait_for_selector("#dalil-evidence mark")
        assert phone.evaluate("document.documentElement.scrollWidth") <= 360
        assert phone.locator("#dalil-conversations").is_hidden()
        phone.click(".dalil-close")
        phone.click("[data-act=conversations]")
        assert phone.locator("#dalil-conversations").is_visible()


def test_everything_is_reached_by_keyboard(page):
    page.keyboard.press("/")
    page.keyboard.type(HYPERION)
    page.keyboard.press("Enter")
    page.wait_for_selector(".dalil-actions")
    page.locator("button.dalil-chip").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#dalil-evidence mark")
    page.wait_for_function("document.activeElement.classList.contains('dalil-text')")
    page.keyboard.press("Escape")
    page.wait_for_selector("#dalil-evidence mark", state="detached")
    assert page.evaluate("document.activeElement.classList.contains('dalil-chip')")


@pytest.mark.parametrize(
    ("language", "forth", "back"), [("ar", "ArrowLeft", "ArrowRight"), ("en", "ArrowRight", "ArrowLeft")]
)
def test_tabs_are_moved_among_by_arrows(site, chromium, language, forth, back):
    names = [load_labels(language)[name] for name in ("chat", "articles", "settings")]
    with open_tab(chromium, f"{site}/{language}/") as tab:
        tab.get_by_role("tab", name=names[0]).focus()
        for key, at in ((forth, 1), (forth, 2), (forth, 0), (back, 2), ("Home", 0), ("End", 2), (back, 1)):
            tab.keyboard.press(key)
            tab.wait_for_selector(f"#dalil-{('chat', 'library', 'settings')[at]}", state="visible")
            focused = tab.locator(":focus")
            assert focused.inner_text() == names[at]
            assert focused.get_attribute("aria-selected") == "true"
            assert tab.locator("[role=tab][tabindex='0']").all_inner_texts() == [names[at]]
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.closest('#dalil-library') !== null")


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 820, 1360])
def test_a_checker_of_accessibility_finds_nothing_serious_on_first_screen_dates_and_embed(
    site, chromium, language, theme, width
):
    axe, found = pytest.importorskip("axe_playwright_python.sync_playwright").Axe(), []
    for way in ("", "&embed"):
        address = f"{site}/{language}/?__theme={theme}{way}"
        with open_tab(chromium, address, viewport={"width": width, "height": 900}) as tab:
            tab.click("#dalil-scope .dalil-dates summary")
            tab.locator(".dalil-dates [name=first]").wait_for()
            found += axe.run(tab).response["violations"]
    assert _serious(found) == []


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_checker_of_accessibility_finds_nothing_serious(site, chromium, language, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with open_tab(chromium, f"{site}/{language}/?__theme={theme}") as tab:
        found = axe.run(tab).response["violations"]
        ask(tab, HYPERION).locator("button.dalil-chip").first.click()
        tab.wait_for_selector("#dalil-evidence mark")
        found += axe.run(tab).response["violations"]
        for name in ("articles", "settings"):
            tab.get_by_role("tab", name=load_labels(language)[name]).click()
            tab.wait_for_timeout(300)
            found += axe.run(tab).response["violations"]
    assert _serious(found) == []


def _serious(found):
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in serious]


def test_where_keys_are_set_the_page_asks_for_one(tmp_path, chromium):
    with serve_articles(tmp_path, {"castle.md": CASTLE_ARTICLE}, DALIL_API_KEYS="one,two") as url:
        assert httpx.get(f"{url}/ar/config").status_code == 401
        assert httpx.post(f"{url}/v1/ask", json={"question": "من؟"}).status_code == 401
        context = chromium.new_context()
        tab = context.new_page()
        tab.goto(url)
        tab.fill("#key", "three")
        tab.press("#key", "Enter")
        tab.wait_for_selector("[role=alert]")
        tab.fill("#key", "two")
        tab.press("#key", "Enter")
        tab.wait_for_selector(".dalil-turn", timeout=15_000)
        ask(tab, CASTLE).locator("button.dalil-chip").first.click()
        assert "١٨٢٣" in marked_text(tab)
        context.clear_cookies()
        tab.fill("#dalil-question textarea", CASTLE)
        tab.press("#dalil-question textarea", "Enter")
        tab.wait_for_selector("#dalil-session", state="visible")
        tab.click("#dalil-session a")
        tab.wait_for_selector("#key")
        context.close()  # or the service would wait for it at its end
