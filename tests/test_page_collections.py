"""The page where there are several collections: chosen by whoever may use several, and nothing of another is seen."""

import httpx
import pytest

from tests.browser import BROWSER_TEST, ask, open_tab, serve_articles
from tests.test_collections import TEXTS, WORDS_OF, bearer, write_keys
from ui.page.labels import load_labels

KEYS = {
    "admin": {"role": "admin"},
    "law-writer": {"role": "write", "collections": ["law"]},
    "two-reader": {"role": "read", "collections": ["law", "health"]},
}
QUESTION = "كم الغرامة في قانون الصيد البحري؟"
OTHERS = ("default", "health")


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    keys = str(write_keys(folder / "keys.json", KEYS))
    first = {"default-article.txt": TEXTS["default"]}
    with serve_articles(folder, first, DALIL_KEYS_FILE=keys, DALIL_COLLECTIONS="law,health") as url:
        for name in ("law", "health"):
            added = httpx.post(
                f"{url}/v1/collections/{name}/articles?name={name}-article",
                content=TEXTS[name].encode(),
                headers=bearer("admin") | {"content-type": "text/plain"},
                timeout=60,
            )
            assert added.status_code == 201
        yield url


def open_with_key(chromium, url, key, place=""):
    """A tab of whoever has the key, at the site's entrance or at a place of it."""
    context = chromium.new_context(locale="ar", viewport={"width": 1360, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    tab.goto(f"{url}/login")
    tab.fill("input[name=key]", key)
    tab.keyboard.press("Enter")
    wait_for_page(tab)
    if place:
        tab.goto(f"{url}{place}")
        wait_for_page(tab)
    return tab


def wait_for_page(tab):
    tab.wait_for_selector(".dalil-turn")
    tab.wait_for_selector("#dalil-shell", state="detached")


def assert_nothing_of_others(tab):
    for name in OTHERS:
        assert WORDS_OF[name] not in tab.content()


@pytest.mark.browser
@BROWSER_TEST[1]
def test_a_reader_of_several_chooses_one_asks_in_it_and_sees_its_articles_alone(several, chromium):
    tab = open_with_key(chromium, several, "two-reader")
    assert tab.url.endswith("/collections/law/ar/")
    assert_nothing_of_others(tab)
    menu = tab.locator("#dalil-collections")
    menu.locator("summary").click()
    assert menu.locator("a").all_inner_texts() == ["law", "health"]
    assert menu.locator("[aria-current]").inner_text() == "law"
    answer = ask(tab, QUESTION)
    assert "3000" in answer.inner_text()
    tab.get_by_role("tab", name="المقالات").click()
    tab.wait_for_selector(".dalil-articles tbody tr")
    assert tab.locator(".dalil-articles tbody tr").count() == 1
    assert_nothing_of_others(tab)
    # An article of another collection is none of this one, whoever may read both.
    tab.goto(f"{several}/collections/law/ar/#article=health-article")
    tab.reload()
    wait_for_page(tab)
    tab.wait_for_selector("#dalil-evidence .dalil-close")
    assert load_labels("ar")["article_gone"] in tab.locator("#dalil-evidence").inner_text()
    assert_nothing_of_others(tab)
    # Neither are conversations: those of each are kept apart.
    tab.locator("#dalil-collections summary").click()
    tab.locator("#dalil-collections a", has_text="health").click()
    tab.wait_for_url("**/collections/health/ar/")
    wait_for_page(tab)
    assert "الغرامة" not in tab.content()
    assert "123456" in ask(tab, "ما رقم الطوارئ في مستشفى الشاطبي؟").inner_text()
    tab.locator(".dalil-language").click()
    tab.wait_for_url("**/collections/health/en/**")
    tab.context.close()


@pytest.mark.browser
@BROWSER_TEST[1]
def test_above_the_articles_it_is_said_whose_they_are_and_another_collection_chosen(several, chromium):
    tab = open_with_key(chromium, several, "two-reader")
    tab.get_by_role("tab", name="المقالات").click()
    whose = tab.locator("#dalil-articles-of")
    whose.wait_for()
    assert whose.inner_text().startswith(load_labels("ar")["articles_of"])
    assert whose.locator("summary bdi").inner_text() == "law"
    whose.locator("summary").click()
    whose.get_by_role("link", name="health").click()
    tab.wait_for_url("**/collections/health/ar/")
    tab.wait_for_selector("#dalil-shell", state="detached")
    tab.locator(".dalil-articles tbody tr", has_text=WORDS_OF["health"]).wait_for()
    assert tab.locator("#dalil-articles-of summary bdi").inner_text() == "health"
    tab.context.close()


@pytest.mark.browser
@BROWSER_TEST[1]
def test_of_thirty_collections_each_can_be_reached(several, chromium):
    tab = open_with_key(chromium, several, "two-reader")
    ask(tab, QUESTION)
    menu = tab.locator("#dalil-collections")
    menu.locator("div[role=group]").evaluate(
        "one => { for (let n = 0; n < 28; n++) one.append(one.lastChild.cloneNode(true)); }"
    )
    for width, height in ((1280, 800), (390, 780), (640, 400)):
        tab.set_viewport_size({"width": width, "height": height})
        menu.locator("summary").click()
        for place in (0, 15, 29):
            link = menu.locator("a").nth(place)
            link.scroll_into_view_if_needed()
            x, y = (round(link.bounding_box()[name]) + 12 for name in ("x", "y"))
            assert link.evaluate("(one, [x, y]) => document.elementFromPoint(x, y)?.closest('a') === one", [x, y])
        tab.keyboard.press("Escape")
    tab.context.close()


@pytest.mark.browser
@BROWSER_TEST[1]
def test_who_may_use_one_sees_no_choice_and_adds_to_it_alone(several, chromium, tmp_path):
    tab = open_with_key(chromium, several, "law-writer")
    assert tab.url.endswith("/collections/law/ar/")
    assert tab.locator("#dalil-collections").is_hidden()
    assert tab.locator("#dalil-start .dalil-add").is_visible()
    (tmp_path / "law-new.txt").write_text("ينص قانون المراعي رقم 77 على حماية ضفاف النهر.", "utf-8")
    tab.get_by_role("tab", name="المقالات").click()
    tab.set_input_files("#dalil-files input[type=file]", tmp_path / "law-new.txt")
    tab.click("#dalil-add")
    tab.locator(".dalil-articles tbody tr", has_text="قانون المراعي").wait_for()
    listed = {
        name: httpx.get(f"{several}/v1/collections/{name}/articles", headers=bearer("admin")).json()["total"]
        for name in TEXTS
    }
    assert listed == {"default": 1, "law": 2, "health": 1}
    tab.locator(".dalil-articles tbody tr", has_text="قانون المراعي").locator("[data-act=remove]").click()
    tab.wait_for_selector("[data-act=undo]")
    tab.context.close()


@pytest.mark.browser
@BROWSER_TEST[1]
def test_who_may_read_alone_is_offered_nothing_that_changes_articles(several, chromium):
    tab = open_with_key(chromium, several, "two-reader")
    assert tab.locator(".dalil-add").count() == 1
    assert tab.locator(".dalil-add").is_hidden()
    tab.get_by_role("tab", name="المقالات").click()
    tab.wait_for_selector(".dalil-articles tbody tr")
    for offered in ("#dalil-files", "#dalil-read-ocr", "[data-act=rename]", "[data-act=remove] >> nth=0"):
        assert tab.locator(offered).first.is_hidden()
    tab.context.close()


@pytest.mark.browser
@BROWSER_TEST[1]
def test_the_site_without_further_collections_shows_no_choice(site, chromium):
    with open_tab(chromium, f"{site}/ar/") as tab:
        assert tab.locator("#dalil-collections").is_hidden()
        assert tab.evaluate("document.documentElement.dataset.kept") == "dalil"


# What a key of another collection gets of the page


PLACES = (
    "",
    "ar",
    "ar/",
    "ar/config",
    "ar/theme.css",
    "v1/articles",
    "v1/articles/health-article",
    "ar/gradio_api/user",
)


@pytest.mark.parametrize("place", PLACES)
def test_nothing_of_a_page_is_given_to_a_key_of_another_collection(several, place):
    for name, address in (("health", "collections/health/"), ("default", "")):
        answer = httpx.get(f"{several}/{address}{place}", headers=bearer("law-writer"))
        assert WORDS_OF[name] not in answer.text
        if place:
            assert answer.status_code == 403
        else:  # the entrance leads to where the key may go
            assert (
                answer.headers["location"].endswith("collections/law/en/") or "/law/ar/" in answer.headers["location"]
            )


def test_who_signs_in_at_a_collection_is_signed_in_for_all_and_led_back(several):
    with httpx.Client() as browser:
        assert browser.get(f"{several}/collections/law/login").status_code == 200
        signed_in = browser.post(f"{several}/collections/law/login", data={"key": "two-reader"})
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "./")
        assert "; Path=/;" in signed_in.headers["set-cookie"]
        for name in ("law", "health"):
            assert browser.get(f"{several}/collections/{name}/en/").status_code == 200


def test_no_event_and_no_file_reaches_the_page_of_another_collection(several):
    for address in ("collections/health/ar", "ar"):
        for place, body in (
            ("queue/join", {"json": {"fn_index": 0, "data": [], "session_hash": "x"}}),
            ("upload", {"files": {"files": b"x"}}),
        ):
            sent = httpx.post(f"{several}/{address}/gradio_api/{place}", headers=bearer("law-writer"), **body)
            assert sent.status_code == 403
    # A key that reads two changes neither by its page.
    config = httpx.get(f"{several}/collections/law/ar/config", headers=bearer("two-reader")).json()
    refused = [
        httpx.post(
            f"{several}/collections/law/ar/gradio_api/queue/join",
            json={"fn_index": event["id"], "data": [], "session_hash": f"s{event['id']}"},
            headers=bearer("two-reader"),
        ).status_code
        == 403
        for event in config["dependencies"]
    ]
    assert sum(refused) == 6  # remove, undo, rename, read again, plan, add


def test_a_page_that_there_is_none_of_is_not_found(several):
    for place in ("collections/none/ar/", "collections/default/ar/", "collections/law/none"):
        answer = httpx.get(f"{several}/{place}", headers=bearer("admin"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        shown = httpx.get(f"{several}/{place}", headers=bearer("admin") | {"accept": "text/html,*/*"})
        assert shown.status_code == 404
        assert '<a href="/"' in shown.text
        assert all(load_labels(language)["no_page"] in shown.text for language in ("ar", "en"))
    assert httpx.get(f"{several}/collections/law", headers=bearer("admin")).headers["location"] == "/collections/law/"
