"""Signing in at a provider of OpenID Connect: a real one over HTTP, and browsers that are httpx or Chromium."""

import base64
import json
import time
from contextlib import closing, contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from rag.errors import SettingsError
from rag.records import LocalRecords
from rag.settings import load_settings
from tests.browser import BROWSER_TEST, CASTLE, CASTLE_ARTICLE, ask, marked_text, serve_articles
from tests.doubles import closed_port, open_assistant, served
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, SUBJECT, OidcDouble, make_key
from tests.test_path_prefix import PREFIX, Proxy, proxied
from ui.api import AnswerService, create_app
from ui.api.sessions import CookieSigner, Identity, Sessions
from ui.page.labels import load_labels
from ui.page.sign_in import add_sign_in_routes
from ui.serve import configure_server

GROUPS = {"editors": "write", "lawyers": {"role": "read", "collections": ["law"]}}
TEXT = {"content-type": "text/plain"}
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def shared_provider():
    double = OidcDouble()
    with served(double) as double.address:
        yield double


@pytest.fixture
def provider(shared_provider):
    shared_provider.reset()
    return shared_provider


def oidc_settings(issuer, **changes):
    values = {"oidc_issuer": issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
    return values | {"oidc_groups": GROUPS} | changes


@contextmanager
def open_site(folder, issuer, **changes):
    """The address of a service whose readers sign in at `issuer`."""
    settings = load_settings({}, data_dir=folder, collections="law", **oidc_settings(issuer, **changes))
    with open_assistant(settings) as assistant, closing(AnswerService(assistant)) as service:
        app = create_app(service)
        add_sign_in_routes(app, service)
        with served(configure_server(app, settings)) as address:
            yield address


@pytest.fixture(scope="module")
def site(tmp_path_factory, shared_provider):
    folder = tmp_path_factory.mktemp("site")
    with open_site(folder / "data", shared_provider.address, audit_file=folder / "audit.jsonl") as address:
        yield address


@pytest.fixture
def browser():
    with httpx.Client(headers=HTML) as client:
        yield client


def begin(browser, site):
    """The address at which the provider asks its user."""
    started = browser.get(f"{site}/login/oidc")
    assert started.status_code == 302
    return started.headers["location"]


def consent(browser, address):
    """Say yes there; gives the address that the browser is sent back to."""
    return browser.get(address.replace("/authorize?", "/yes?")).headers["location"]


def sign_in(browser, site):
    """Sign in; gives what came of it, as the notice of the page that asks, or an empty text."""
    finished = browser.get(consent(browser, begin(browser, site)))
    assert finished.status_code == 303
    return notice_of(finished)


def notice_of(response):
    return parse_qs(urlsplit(response.headers["location"]).query).get("notice", [""])[0]


# What is right


def test_who_signs_in_may_do_what_their_group_may_until_they_sign_out(site, provider, browser):
    assert browser.get(f"{site}/v1/articles", headers={"accept": "*/*"}).status_code == 401
    assert browser.get(f"{site}/ar/").headers["location"] == "/login"
    assert 'href="login/oidc"' in browser.get(f"{site}/login").text
    assert sign_in(browser, site) == ""
    assert browser.post(f"{site}/v1/articles?name=a", content="نص.".encode(), headers=TEXT).status_code == 201
    refused = browser.get(f"{site}/v1/export", headers={"accept": "*/*"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    kept = dict(browser.cookies)
    left = browser.post(f"{site}/logout")
    assert notice_of(left) == "signed_out"
    shown = browser.get(f"{site}/login?notice=signed_out").text
    assert load_labels("ar")["signed_out"] in shown
    assert load_labels("en")["signed_out"] in shown
    assert "/bye?client_id=dalil" in shown
    assert browser.get(f"{site}/v1/articles", headers={"accept": "*/*"}).status_code == 401
    # Whoever has kept the cookie is out as well.
    assert httpx.get(f"{site}/v1/articles", cookies=kept).status_code == 401


@pytest.mark.parametrize("page", ["/", "/collections/law/"])
def test_who_signs_in_on_the_page_of_a_collection_comes_back_to_it(site, provider, browser, page):
    assert browser.get(f"{site}{page}ar/").headers["location"] == f"{page}login"
    started = browser.get(f"{site}{page}login/oidc")
    finished = browser.get(consent(browser, started.headers["location"]))
    assert (finished.status_code, finished.headers["location"]) == (303, page)
    # So does who was not let in.
    started = browser.get(f"{site}{page}login/oidc")
    provider.refuses = "access_denied"
    refused = browser.get(consent(browser, started.headers["location"]))
    assert refused.headers["location"] == f"{page}login?notice=oidc_denied"


def test_cookies_are_for_http_alone_signed_and_for_this_path(site, browser, provider):
    started = browser.get(f"{site}/login/oidc")
    flow = started.headers["set-cookie"]
    assert "HttpOnly" in flow
    assert "Path=/login;" in flow
    assert "SameSite=lax" in flow
    assert CLIENT_SECRET not in flow
    query = parse_qs(urlsplit(started.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{site}/login/callback"]
    finished = browser.get(consent(browser, started.headers["location"]))
    session = next(one for one in finished.headers.get_list("set-cookie") if one.startswith("dalil_session="))
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert "Secure" not in session
    assert finished.headers["location"] == "/"
    assert "dalil_sign_in" not in dict(browser.cookies)


def test_behind_a_proxy_with_tls_cookies_and_the_way_back_are_for_https(tmp_path, provider, browser):
    with open_site(tmp_path, provider.address, trusted_proxies="127.0.0.1", root_path="/dalil") as site:
        proxied = {"x-forwarded-proto": "https"}
        started = browser.get(f"{site}/dalil/login/oidc", headers=proxied)
        back = parse_qs(urlsplit(started.headers["location"]).query)["redirect_uri"][0]
        assert back == f"{site.replace('http:', 'https:')}/dalil/login/callback"
        assert "Path=/dalil/login;" in started.headers["set-cookie"]
        assert "Secure" in started.headers["set-cookie"]


def test_a_role_counts_where_its_group_has_it(tmp_path, provider, browser):
    provider.claims["groups"] = ["lawyers", "others"]
    with open_site(tmp_path, provider.address) as site:
        assert sign_in(browser, site) == ""
        listed = browser.get(f"{site}/v1/collections").json()["data"]
        assert [one["name"] for one in listed] == ["law"]
        assert browser.get(f"{site}/v1/collections/law/articles").status_code == 200
        assert browser.delete(f"{site}/v1/collections/law/articles/x").status_code == 403
        # A reader is told on a page.
        sent = browser.get(f"{site}/v1/articles")
        assert (sent.status_code, notice_of(sent)) == (303, "no_access")


@pytest.mark.parametrize(
    ("claims", "settings"),
    [
        ({"groups": None, "realm_access": {"roles": ["editors"]}}, {"oidc_groups_claim": "realm_access.roles"}),
        (
            {"groups": None, "https://example.org/groups": "editors"},
            {"oidc_groups_claim": "https://example.org/groups"},
        ),
        ({"groups": {"editors": {"1": "example.org"}}}, {}),
        ({"groups": None}, {"oidc_groups": {"*": "write"}}),
        ({"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}, {}),
    ],
    ids=["path", "address", "object", "everybody", "several audiences"],
)
def test_groups_are_read_as_providers_tell_them(tmp_path, provider, browser, claims, settings):
    provider.claims.update(claims)
    with open_site(tmp_path, provider.address, **settings) as site:
        assert sign_in(browser, site) == ""
        assert browser.post(f"{site}/v1/articles?name=a", content="نص.".encode(), headers=TEXT).status_code == 201


def test_groups_that_userinfo_alone_tells_count_where_it_is_of_the_same_person(site, provider, browser):
    provider.claims["groups"] = None
    provider.userinfo = {"sub": SUBJECT, "groups": ["editors"]}
    assert sign_in(browser, site) == ""
    provider.userinfo = {"sub": "another", "groups": ["editors"]}
    assert sign_in(browser, site) == "oidc_failed"


def test_a_key_of_the_provider_s_that_is_new_is_asked_for(site, provider, browser):
    assert sign_in(browser, site) == ""
    provider.published = provider.key = make_key("two")
    provider.header = {"alg": "RS256", "kid": "two"}
    assert sign_in(browser, site) == ""


def test_the_audit_log_names_the_subject_and_conversations_can_be_kept(tmp_path, provider, browser):
    kept = {"audit_file": tmp_path / "audit.jsonl", "keep_conversations": True}
    with open_site(tmp_path / "data", provider.address, **kept) as site:
        sign_in(browser, site)
        browser.post(f"{site}/v1/articles?name=a", content="نص.".encode(), headers=TEXT)
        assert browser.get(f"{site}/v1/conversations").json()["data"] == []
    (line,) = map(json.loads, (tmp_path / "audit.jsonl").read_text("utf-8").splitlines())
    assert (line["key"], line["action"], line["articles"]) == (f"oidc:{SUBJECT} (sara@example.org)", "added", ["a"])


# What is refused


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": "another", "azp": CLIENT_ID},
        {"aud": [CLIENT_ID, "another"]},
        {"aud": None},
        {"iss": "https://login.example.org"},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\nb"},
    ],
    ids=str,
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(site, provider, browser, claims):
    provider.claims.update(claims)
    assert sign_in(browser, site) == "oidc_failed"
    assert browser.get(f"{site}/v1/articles").headers["location"] == "/login"


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -120), ("iat", 3600)])
def test_an_id_token_of_another_time_is_refused(site, provider, browser, claim, seconds):
    provider.claims[claim] = int(time.time()) + seconds
    assert sign_in(browser, site) == "oidc_failed"
    assert browser.get(f"{site}/v1/articles").headers["location"] == "/login"


def sign_by_another(provider):
    provider.key = make_key("one")


def sign_by_nobody(provider):
    provider.header = {"alg": "none"}


@pytest.mark.parametrize("sign", [sign_by_another, sign_by_nobody])
def test_an_id_token_without_the_provider_s_signature_is_refused(site, provider, browser, sign):
    sign(provider)
    assert sign_in(browser, site) == "oidc_failed"


def test_who_is_in_no_group_that_counts_is_told(site, provider, browser):
    provider.claims["groups"] = ["strangers"]
    assert sign_in(browser, site) == "oidc_no_group"
    assert "dalil_session" not in dict(browser.cookies)


def test_who_says_no_at_the_provider_is_told(site, provider, browser):
    provider.refuses = "access_denied"
    assert sign_in(browser, site) == "oidc_denied"


def test_a_callback_without_its_state_is_refused(site, provider, browser):
    back = consent(browser, begin(browser, site))
    with httpx.Client(headers=HTML) as another:
        assert notice_of(another.get(back)) == "oidc_stale"
        begin(another, site)
        assert notice_of(another.get(back)) == "oidc_stale"
    assert notice_of(browser.get(back)) == ""
    # Once alone.
    assert notice_of(browser.get(back)) == "oidc_stale"
    assert provider.requests.count("/token") == 1


def test_an_answer_of_another_issuer_is_refused(site, provider, browser):
    provider.callback = {"iss": "https://login.example.org"}
    assert sign_in(browser, site) == "oidc_failed"
    assert "/token" not in provider.requests


def test_a_provider_that_is_away_or_another_one_is_told_and_asked_again(tmp_path, provider, browser):
    with open_site(tmp_path, f"http://127.0.0.1:{closed_port()}") as site:
        assert notice_of(browser.get(f"{site}/login/oidc")) == "oidc_unreachable"
    provider.metadata = {"issuer": "https://login.example.org"}
    with open_site(tmp_path, provider.address) as site:
        assert notice_of(browser.get(f"{site}/login/oidc")) == "oidc_unreachable"
        provider.metadata = {}
        assert sign_in(browser, site) == ""


def tamper(cookie):
    """The cookie with another group in it, beneath the same signature."""
    header, body, signature = cookie.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["groups"] = ["editors", "admins"]
    other = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{other}.{signature}"


def test_a_cookie_that_was_changed_or_made_for_something_else_lets_nobody_in(site, provider, browser):
    begin(browser, site)
    flow = browser.cookies["dalil_sign_in"]
    sign_in(browser, site)
    session = browser.cookies["dalil_session"]
    header, body, _ = session.split(".")
    forged = [tamper(session), f"{header}.{body}.", flow, CookieSigner("another").sign("session", {}, 60), "x", ""]
    for cookie in forged:
        assert httpx.get(f"{site}/v1/articles", headers={"cookie": f"dalil_session={cookie}"}).status_code == 401
    assert httpx.get(f"{site}/v1/articles", headers={"cookie": f"dalil_session={session}"}).status_code == 200


def test_a_session_that_is_over_is_told_so(tmp_path, provider, browser):
    with open_site(tmp_path, provider.address) as site:
        values = {"subject": "s", "label": "", "groups": ["editors"], "jti": "1"}
        over = CookieSigner(CLIENT_SECRET).sign("session", values, -1)
        sent = browser.get(f"{site}/ar/", headers={"cookie": f"dalil_session={over}"})
        assert notice_of(sent) == "session_over"
        assert httpx.get(f"{site}/v1/articles", headers={"cookie": f"dalil_session={over}"}).status_code == 401


@pytest.mark.parametrize("language", ["ar", "en"])
def test_every_failure_is_told_in_both_languages_and_nothing_else_is(site, browser, language):
    names = (
        "session_over",
        "no_access",
        "oidc_unreachable",
        "oidc_failed",
        "oidc_denied",
        "oidc_stale",
        "oidc_no_group",
    )
    for name in names:
        assert load_labels(language)[name] in browser.get(f"{site}/login?notice={name}").text.replace("&#39;", "'")
    assert "alert" not in browser.get(f"{site}/login?notice=title").text
    assert "alert" not in browser.get(f"{site}/login?notice=<script>").text


def test_a_group_that_counts_no_longer_lets_nobody_in(tmp_path):
    records = LocalRecords(tmp_path / "ratings")
    settings = oidc_settings("https://login.example.org", oidc_groups={"editors": "write"})
    before = Sessions(load_settings({}, **settings), records)
    cookie = before.start(Identity("s", "", ("editors",)))
    assert before.find(cookie).role_in("default") == "write"
    changed = settings | {"oidc_groups": {"readers": "read"}}
    assert Sessions(load_settings({}, **changed), records).find(cookie).role_in("default") is None


def test_who_signs_out_is_out_of_every_replica_and_nobody_is_let_in_where_that_cannot_be_known(
    tmp_path, provider, browser
):
    shared = {"database_url": f"sqlite:///{tmp_path / 'shared'}"}
    with (
        open_site(tmp_path / "one", provider.address, **shared) as one,
        open_site(tmp_path / "two", provider.address, **shared) as two,
    ):
        assert sign_in(browser, one) == ""
        kept = dict(browser.cookies)
        assert httpx.get(f"{two}/v1/articles", cookies=kept).status_code == 200
        browser.post(f"{one}/logout")
        assert httpx.get(f"{two}/v1/articles", cookies=kept).status_code == 401
        sign_in(browser, one)
        (tmp_path / "shared").write_bytes(b"no database" * 1000)
        refused = httpx.get(f"{one}/v1/articles", cookies=dict(browser.cookies))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "sessions_unavailable")


# Settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"oidc_client_secret": None}, "DALIL_OIDC_CLIENT_SECRET"),
        ({"oidc_groups": None}, "DALIL_OIDC_GROUPS"),
        ({"oidc_issuer": "http://login.example.org"}, "https"),
        ({"oidc_scopes": "profile"}, "DALIL_OIDC_SCOPES"),
        ({"oidc_session_hours": 1000}, "DALIL_OIDC_SESSION_HOURS"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        load_settings({}, **oidc_settings("https://login.example.org", **changes))


@pytest.mark.parametrize(
    "groups", [{"a": "owner"}, {"a": {"role": "read", "where": 1}}, {"a": {"collections": ["elsewhere"]}}, {"a": 1}]
)
def test_groups_that_are_no_permissions_are_refused(tmp_path, groups):
    settings = load_settings({}, **oidc_settings("https://login.example.org", oidc_groups=groups))
    with pytest.raises(SettingsError, match="DALIL_OIDC_GROUPS: a"):
        Sessions(settings, LocalRecords(tmp_path / "ratings"))


# A real browser


def change_articles(tab, file):
    """Add an article on the page, rename it, remove it and put it back."""
    file.write_text("# فنار جديد\n\nافتتح فنار الرأس الأخضر سنة 1931 بحضور أهل الميناء كلهم.", "utf-8")
    tab.get_by_role("tab").nth(1).click()
    tab.set_input_files("#dalil-files input[type=file]", file)
    tab.wait_for_selector("#dalil-plan [data-outcome=added]")
    tab.click("#dalil-add")
    row = ".dalil-articles tbody tr:has([data-article=new])"
    tab.locator(f"{row} [data-act=rename]").click()
    tab.fill("#dalil-dialog input", "فنار أقدم")
    tab.press("#dalil-dialog input", "Enter")
    tab.wait_for_function("document.querySelector('.dalil-articles').innerText.includes('فنار أقدم')")
    tab.locator(f"{row} [data-act=remove]").click()
    tab.click("[data-act=undo]")
    tab.wait_for_selector(row)


# The proxy ends while streams of the page are open: httpx leaves their connections to be collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_in_a_browser_beneath_a_path_a_reader_signs_in_asks_changes_articles_and_signs_out(tmp_path, provider, request):
    for mark in BROWSER_TEST:
        request.applymarker(mark)
    chromium = request.getfixturevalue("chromium")
    # Another name of this machine is another site for the browser, which then comes back from there.
    issuer = provider.address.replace("127.0.0.1", "localhost")
    named = {f"DALIL_{name.upper()}": value for name, value in oidc_settings(issuer).items()}
    audit = str(tmp_path / "audit.jsonl")
    own = {"DALIL_OIDC_GROUPS": '{"editors": "write"}', "DALIL_ROOT_PATH": PREFIX, "DALIL_AUDIT_FILE": audit}
    with (
        serve_articles(tmp_path, {"castle.md": CASTLE_ARTICLE}, **named | own) as site,
        proxied(Proxy(site, is_told=False)) as address,
    ):
        context = chromium.new_context(viewport={"width": 1360, "height": 900})
        tab = context.new_page()
        tab.goto(f"{address}{PREFIX}/ar/")
        assert urlsplit(tab.url).path == f"{PREFIX}/login"
        tab.click("#provider")
        assert tab.url.startswith(issuer)
        tab.click("#yes")
        tab.wait_for_selector(".dalil-turn", timeout=30_000)
        assert urlsplit(tab.url).path.startswith(f"{PREFIX}/")
        ask(tab, CASTLE).locator("button.dalil-chip").first.click()
        assert "١٨٢٣" in marked_text(tab)
        change_articles(tab, tmp_path / "new.md")
        tab.get_by_role("tab").last.click()
        tab.click("#dalil-sign-out button")
        tab.wait_for_selector("[role=alert]")
        assert urlsplit(tab.url).path == f"{PREFIX}/login"
        tab.goto(f"{address}{PREFIX}/ar/")
        assert urlsplit(tab.url).path == f"{PREFIX}/login"
        context.close()
    lines = list(map(json.loads, (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()))
    done = [(line["action"], line["key"].partition(" ")[0]) for line in lines]
    assert done == [(action, f"oidc:{SUBJECT}") for action in ("added", "changed", "removed", "restored")]
