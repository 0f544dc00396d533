"""Conversations that the server keeps, each key's apart."""

import pytest

from rag.errors import NotFoundError, SettingsError, StoreError
from rag.settings import load_settings
from tests.browser import BROWSER_TEST, CASTLE, CASTLE_ARTICLE, ask, serve_articles
from tests.doubles import like, local_client
from ui.api import COOKIE, AnswerService, ApiKeys, ConversationStore, ConversationSummary, create_app
from ui.page.labels import load_labels

FIRST = ConversationSummary("c1", "متى؟", "2026-01-01T00:00:00+00:00", "متى كلمات")
SECOND = ConversationSummary("c2", "من؟", "2026-01-02T00:00:00+00:00", "من")


@pytest.fixture
def kept(tmp_path) -> ConversationStore:
    return ConversationStore(tmp_path / "data" / "conversations.sqlite")


def test_each_owner_has_its_own_the_last_asked_first(kept):
    kept.write("a", FIRST, {"id": "c1", "turns": [1]})
    kept.write("a", SECOND, {"id": "c2", "turns": []})
    kept.write("b", FIRST, {"id": "c1", "of": "b"})
    assert kept.list_conversations("a") == [SECOND, FIRST]
    assert kept.read("a", "c1") == {"id": "c1", "turns": [1]}
    assert kept.read_all("b") == [{"id": "c1", "of": "b"}]
    with pytest.raises(NotFoundError):
        kept.read("b", "c2")
    assert not kept.delete("b", "c2")
    assert kept.delete_all("b") == 1
    assert kept.list_conversations("a") == [SECOND, FIRST]


def test_what_is_deleted_is_nowhere_in_the_folder_and_the_file_is_the_owners_alone(kept, tmp_path):
    kept.write("a", FIRST, {"turns": ["SECRETWORD"]})
    files = [*(tmp_path / "data").iterdir()]
    assert any(b"SECRETWORD" in file.read_bytes() for file in files)
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    assert kept.delete("a", "c1")
    assert not any(b"SECRETWORD" in file.read_bytes() for file in (tmp_path / "data").iterdir())


def test_the_oldest_goes_where_there_are_too_many(kept):
    for at in range(502):
        kept.write("a", SECOND._replace(id=f"c{at}", asked_at=f"2026-01-01T00:{at // 60:02}:{at % 60:02}"), {})
    ids = [one.id for one in kept.list_conversations("a")]
    assert (len(ids), ids[0], ids[-1]) == (500, "c501", "c2")


def test_a_file_that_is_no_database_is_said_to_be_unusable(tmp_path):
    (tmp_path / "broken.sqlite").write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(StoreError, match=r"broken\.sqlite"):
        ConversationStore(tmp_path / "broken.sqlite").list_conversations("a")


def test_it_needs_keys():
    with pytest.raises(SettingsError, match="DALIL_API_KEYS"):
        load_settings({"DALIL_KEEP_CONVERSATIONS": "true"})
    assert load_settings({"DALIL_KEEP_CONVERSATIONS": "true", "DALIL_API_KEYS": "k"}).keep_conversations


def test_a_key_has_its_own_conversations_over_http_by_token_and_by_session(assistant, tmp_path):
    settings = load_settings({"DALIL_KEEP_CONVERSATIONS": "true", "DALIL_API_KEYS": "one,two"}, data_dir=tmp_path)
    service = AnswerService(like(assistant, **dict(settings)))
    client = local_client(create_app(service))
    one, two = ({"Authorization": f"Bearer {key}"} for key in ("one", "two"))
    owner = ApiKeys(("one",)).find_owner(b"one", b"")
    assert "one" not in owner
    service.conversations.write(owner, FIRST, {"id": "c1"})
    listed = {"id": "c1", "name": "متى؟", "asked_at": FIRST.asked_at}
    assert client.get("/v1/conversations", headers=one).json() == {"data": [listed]}
    session = {"Cookie": f"{COOKIE}={ApiKeys.session_token(b'one')}"}
    assert client.get("/v1/conversations/export", headers=session).json() == {"data": [{"id": "c1"}]}
    assert client.get("/v1/conversations", headers=two).json() == {"data": []}
    assert client.get("/v1/conversations/c1", headers=two).status_code == 404
    assert client.delete("/v1/conversations/c1", headers=two).status_code == 404
    assert client.get("/v1/conversations/c1", headers=one).json() == {"id": "c1"}
    assert client.get("/v1/conversations").status_code == 401
    assert client.delete("/v1/conversations/c1", headers=one).json() == {"removed": 1}
    assert client.delete("/v1/conversations", headers=one).json() == {"removed": 0}


def test_where_it_is_not_set_there_are_none(assistant):
    answer = local_client(create_app(AnswerService(assistant))).get("/v1/conversations")
    assert (answer.status_code, "DALIL_KEEP_CONVERSATIONS" in answer.text) == (404, True)


class TestPage:
    pytestmark = BROWSER_TEST

    def test_a_conversation_opens_in_every_browser_of_its_key_and_in_none_of_another(self, tmp_path, chromium):
        labels, row = load_labels("en"), "#dalil-conversations [data-act=select]"
        settings = {"DALIL_API_KEYS": "one,two", "DALIL_KEEP_CONVERSATIONS": "true"}
        with serve_articles(tmp_path, {"castle.md": CASTLE_ARTICLE}, **settings) as url:
            contexts = [chromium.new_context() for _ in range(3)]
            mine, again, other = tabs = [context.new_page() for context in contexts]
            for tab, key in zip(tabs, ("one", "one", "two"), strict=True):
                tab.goto(url)
                tab.fill("#key", key)
                tab.press("#key", "Enter")
                tab.wait_for_selector(".dalil-turn")
            assert labels["server_conversations"] in mine.locator("#dalil-conversations").inner_text()
            ask(mine, CASTLE)
            link = mine.url
            assert "conversation=" in link
            assert CASTLE not in mine.evaluate("localStorage.getItem('dalil.conversations') ?? ''")
            again.goto(link)
            again.reload()
            again.wait_for_selector(".dalil-question")
            assert again.locator(".dalil-question").inner_text() == CASTLE
            other.goto(link)
            other.reload()
            other.wait_for_function("document.querySelector('#dalil-link-note p')?.textContent")
            assert other.locator("#dalil-link-note").inner_text() == labels["link_other_key"]
            assert (other.locator(row).count(), other.locator(".dalil-question").count()) == (0, 0)
            again.locator("#dalil-conversations [data-act=delete]").click()
            again.locator("#dalil-dialog [value=yes]").click()
            again.wait_for_selector(".dalil-welcome")
            mine.reload()
            mine.wait_for_selector(".dalil-welcome")
            assert mine.locator(row).count() == 0
            for context in contexts:
                context.close()
