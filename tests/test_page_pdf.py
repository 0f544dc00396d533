"""The pages of a PDF beside the chat: the page of a citation as a picture, its words marked."""

from collections.abc import Iterator

import httpx
import pytest

from tests.browser import BROWSER_TEST, ask, marked_text, open_tab
from tests.pdf_files import make_pdf
from tests.test_pdf import arabic

pytestmark = BROWSER_TEST

FIRST = "افتتحت جامعة الفرات مختبر الكيمياء في المدينة القديمة عام 1987."
SECOND = "وبلغت كلفة برج الزمرد أربعة ملايين دينار دفعتها البلدية من ميزانيتها."
FILE = make_pdf([[arabic(700, FIRST)], [arabic(200, SECOND)], [arabic(700, "وهذه صفحة لا يستشهد بها أحد.")]])
OF_FIRST, OF_SECOND = "متى افتتحت جامعة الفرات مختبر الكيمياء؟", "كم بلغت كلفة برج الزمرد؟"
PICTURE, MARK = ".dalil-page-image img", ".dalil-word-mark"


@pytest.fixture
def article_id(site) -> Iterator[str]:
    """Of an article that was a PDF of three pages."""
    headers = {"Content-Type": "application/pdf"}
    httpx.post(f"{site}/v1/articles", params={"name": "tower/1"}, content=FILE, headers=headers, timeout=120)
    yield "tower/1"
    httpx.delete(f"{site}/v1/articles/tower/1", timeout=60)


def open_citation(tab, question: str) -> None:
    """Open the first citation of an answer, and wait for its page."""
    ask(tab, question).locator("button.dalil-chip").first.click()
    wait_for_page(tab)


def wait_for_page(tab) -> None:
    loaded = f"document.querySelector('{PICTURE}')?.naturalWidth > 0"
    tab.wait_for_function(loaded, timeout=30_000)


def shown_page(tab) -> str:
    return tab.locator(PICTURE).get_attribute("src").partition("/pages/")[2].partition(".png")[0]


def test_two_pages_of_a_file_are_cited_each_with_its_picture_and_its_words_marked(page, article_id):
    for question, number, quote, place in ((OF_FIRST, "1", FIRST, 0.16), (OF_SECOND, "2", SECOND, 0.76)):
        open_citation(page, question)
        page.wait_for_function(f"document.querySelector('{PICTURE}')?.src?.includes('/pages/{number}.png')")
        wait_for_page(page)
        assert marked_text(page) == quote
        sheet, mark = page.locator(".dalil-sheet").bounding_box(), page.locator(MARK).bounding_box()
        assert page.locator(MARK).count() == 1
        assert (mark["y"] - sheet["y"]) / sheet["height"] == pytest.approx(place, abs=0.03)
        assert (mark["x"] + mark["width"] - sheet["x"]) / sheet["width"] == pytest.approx(540 / 595, abs=0.02)
        view = page.locator(".dalil-page-scroll").bounding_box()
        assert view["y"] <= mark["y"] <= view["y"] + view["height"]  # in sight at once
        alt = page.locator(PICTURE).get_attribute("alt")
        assert ("معلَّمة" in alt, f"ص {'٠١٢'[int(number)]}" in alt) == (True, True)


def test_pages_are_turned_and_enlarged_by_keyboard(page, article_id):
    open_citation(page, OF_SECOND)
    page.focus("[data-way=next]")
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelector('{PICTURE}')?.src?.includes('/pages/3.png')")
    assert page.locator(MARK).count() == 0
    assert page.evaluate("document.activeElement.dataset.way") == "previous"  # there is no next one
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelector('{PICTURE}')?.src?.includes('/pages/2.png')")
    assert page.locator(MARK).count() == 1
    page.focus("[data-act=enlarge]")
    page.keyboard.press("Enter")
    assert page.locator(".dalil-large").bounding_box()["width"] == page.evaluate("innerWidth")
    page.keyboard.press("Escape")
    assert page.locator(".dalil-large").count() == 0
    assert page.locator(".dalil-text").is_visible()  # the article is still open


def test_a_removal_that_is_undone_brings_the_pages_back_and_a_removal_takes_them(site, chromium, article_id):
    with open_tab(chromium, f"{site}/en/") as tab:
        tab.get_by_role("tab", name="Articles").click()
        row = tab.locator(".dalil-articles tbody tr", has_text="افتتحت جامعة الفرات")
        row.locator("[data-act=remove]").click()
        undo = f"[data-act=undo][data-article='{article_id}']"  # other removals can be undone as well
        tab.click(undo)
        tab.wait_for_selector(undo, state="detached")
        row.locator("[data-act=open]").click()
        wait_for_page(tab)
        assert (shown_page(tab), tab.locator(MARK).count()) == ("1", 0)
        assert tab.locator(PICTURE).get_attribute("alt").startswith("Picture of p. 1 of")
    httpx.delete(f"{site}/v1/articles/{article_id}", timeout=60)
    assert httpx.get(f"{site}/v1/articles/{article_id}/pages/1.png", timeout=60).status_code == 404
