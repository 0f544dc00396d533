"""Addresses of conversations, answers, citations and articles; what is copied, saved and printed."""

from io import BytesIO
from pathlib import Path

import pytest
from docx import Document

from tests.browser import BROWSER_TEST, CASTLE, HYPERION, ask, marked_text, open_tab
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST


def copied_by(tab, button) -> str:
    button.click()
    tab.wait_for_selector(".dalil-done")
    return tab.evaluate("navigator.clipboard.readText()")


def test_a_citation_has_an_address_that_opens_the_very_words_in_any_browser(page, chromium):
    ask(page, HYPERION).locator("button.dalil-chip").first.click()
    words = marked_text(page)
    assert "article=meta-superclusters" in page.url
    page.reload()
    assert marked_text(page) == words
    address = copied_by(page, page.locator("#dalil-evidence [data-act=copy_link]"))
    assert "conversation" not in address
    with open_tab(chromium, address) as other:
        assert marked_text(other) == words
        assert other.locator(".dalil-question").count() == 0
        other.click("#dalil-evidence [data-act=close]")
        other.wait_for_selector("#dalil-evidence mark", state="detached")
        assert "#" not in other.url


def test_an_article_has_an_address_and_going_back_closes_it(page, chromium):
    page.locator(".dalil-newest button").first.click()
    page.wait_for_selector("#dalil-evidence .dalil-text")
    title = page.locator("#dalil-evidence h2").inner_text()
    address = copied_by(page, page.locator("#dalil-evidence [data-act=copy_link]"))
    page.go_back()
    page.wait_for_selector("#dalil-evidence .dalil-text", state="detached")
    with open_tab(chromium, address) as other:
        other.wait_for_selector("#dalil-evidence .dalil-text")
        assert other.locator("#dalil-evidence h2").inner_text() == title


def test_a_conversation_and_an_answer_have_addresses_in_the_browser_that_keeps_them(page, site, chromium):
    ask(page, CASTLE)
    ask(page, HYPERION)
    conversation = page.url
    answer = copied_by(page, page.locator(".dalil-actions [data-act=copy_link]").first)
    page.click("[data-act=new]")
    page.wait_for_selector(".dalil-welcome")
    assert "conversation" not in page.url
    other = page.context.new_page()
    for address in (conversation, answer):
        other.goto("about:blank")
        other.goto(address)
        other.wait_for_function("document.querySelectorAll('.dalil-question').length === 2", timeout=20_000)
    other.wait_for_function("document.activeElement?.dataset.turn === '0'")
    assert other.locator("#dalil-link-note p").inner_text() == ""
    with open_tab(chromium, answer) as elsewhere:
        elsewhere.wait_for_function("document.querySelector('#dalil-link-note p').textContent")
        assert elsewhere.locator("#dalil-link-note p").inner_text() == load_labels("ar")["link_elsewhere"]
        assert elsewhere.locator(".dalil-question").count() == 0


def test_a_citation_is_copied_in_several_styles(page):
    ask(page, HYPERION).locator("button.dalil-chip").first.click()
    page.wait_for_selector("#dalil-evidence mark")
    page.click("#dalil-evidence .dalil-menu summary")
    for name, begin in (("plain", "«"), ("bibtex", "@misc{meta-superclusters,"), ("ris", "TY  - GEN")):
        button = page.get_by_role("button", name=load_labels("ar")[f"reference_{name}"], exact=True)
        assert copied_by(page, button).startswith(begin)
        page.wait_for_selector(".dalil-done", state="detached")


def test_a_link_is_copied_also_where_the_browser_has_no_clipboard(page):
    page.locator(".dalil-newest button").first.click()
    page.wait_for_selector("#dalil-evidence .dalil-text")
    page.evaluate("window.kept = navigator.clipboard")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.click("#dalil-evidence [data-act=copy_link]")
    page.wait_for_selector(".dalil-done")
    assert page.evaluate("window.kept.readText()") == page.url


def test_the_other_language_opens_the_same_article(page):
    page.locator(".dalil-newest button").first.click()
    page.wait_for_selector("#dalil-evidence .dalil-text")
    title = page.locator("#dalil-evidence h2").inner_text()
    page.click(".dalil-language")
    page.wait_for_url("**/en/**")
    page.wait_for_selector("#dalil-evidence .dalil-text")
    assert page.locator("#dalil-evidence h2").inner_text() == title


@pytest.mark.parametrize("form", ["docx", "md"])
def test_an_answer_is_saved_with_its_evidence(page, form):
    turn = ask(page, HYPERION)
    turn.locator(".dalil-menu summary").click()
    with page.expect_download() as saved:
        turn.locator(f"[data-form={form}]").click()
    assert saved.value.suggested_filename.endswith(f".{form}")
    content = Path(saved.value.path()).read_bytes()
    texts = "\n".join(one.text for one in Document(BytesIO(content)).paragraphs) if form == "docx" else content.decode()
    assert HYPERION in texts
    assert turn.locator("button.dalil-chip").first.get_attribute("data-quote").split("\n")[0] in texts


def test_one_answer_is_printed_alone(page):
    ask(page, CASTLE)
    turn = ask(page, HYPERION)
    page.evaluate("window.print = () => { window.printed = [...document.querySelectorAll('.dalil-turn')].length; }")
    page.emulate_media(media="print")
    page.evaluate(
        """window.print = () => {
            window.seen = [...document.querySelectorAll(".dalil-turn")].map(one => one.offsetHeight > 0); }"""
    )
    turn.locator("[data-act=print]").dispatch_event("click")
    assert page.evaluate("window.seen") == [False, True]
    assert page.locator(".dalil-turn").first.evaluate("one => one.offsetHeight > 0")
