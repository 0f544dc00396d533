"""The page whose service has ended, or is another one: it says so, and keeps what was written."""

import os
from contextlib import ExitStack

import pytest

from rag.settings import load_settings
from tests.browser import BROWSER_TEST, CASTLE, CASTLE_ARTICLE, ask, open_tab, run_site
from tests.doubles import closed_port, ingest_folder
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST

FURTHER = "ومَن بنّاؤها؟"


@pytest.fixture
def environment(tmp_path):
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "castle.md").write_text(CASTLE_ARTICLE, "utf-8")
    variables = os.environ | {"DALIL_DATA_DIR": str(tmp_path / "data")}
    ingest_folder(load_settings(variables), tmp_path / "articles")
    return variables


def test_a_lost_connection_is_told_and_the_next_one_has_what_was_written(environment, chromium):
    port, labels = closed_port(), load_labels("ar")
    with ExitStack() as tabs:
        with run_site(environment, port) as site:
            tab = tabs.enter_context(open_tab(chromium, f"{site.url}/ar/"))
            ask(tab, CASTLE)
            assert tab.locator("#dalil-lost").count() == 0
        tab.wait_for_selector("#dalil-lost")
        assert labels["connection_lost"] in tab.locator("[role=alert]#dalil-lost").inner_text()
        tab.fill("#dalil-question textarea", FURTHER)
        assert labels["connect_again"] in tab.locator("#dalil-lost button").inner_text()
        tabs.enter_context(run_site(environment, port))
        # On a busy machine Gradio has loaded the page again by now.
        tab.evaluate("document.querySelector('#dalil-lost button')?.click()")
        tab.wait_for_selector("#dalil-lost", state="detached")
        tab.wait_for_selector("#dalil-shell", state="detached")
        assert tab.input_value("#dalil-question textarea") == FURTHER
        assert tab.locator(".dalil-question").count() == 1
        ask(tab, FURTHER)
        # What was put back is not put back again.
        tab.reload()
        tab.wait_for_selector(".dalil-turn")
        tab.wait_for_selector("#dalil-shell", state="detached")
        assert tab.input_value("#dalil-question textarea") == ""
        assert tab.locator("#dalil-lost").count() == 0


def test_what_is_asked_while_nothing_answers_is_told_to_be_lost(site, chromium):
    with open_tab(chromium, f"{site}/en/") as tab:
        tab.route("**/gradio_api/queue/join*", lambda route: route.fulfill(status=404, body="{}"))
        tab.fill("#dalil-question textarea", CASTLE)
        tab.press("#dalil-question textarea", "Enter")
        tab.wait_for_selector("#dalil-lost")
        assert load_labels("en")["connect_again"] in tab.locator("#dalil-lost").inner_text()
        tab.unroute_all()
        # Gradio loads the page again by itself once it hears from the service.
        tab.fill("#dalil-question textarea", FURTHER)
        tab.reload()
        tab.wait_for_selector("#dalil-shell", state="detached")
        assert tab.input_value("#dalil-question textarea") == FURTHER
