"""Pages of the web, from a real server on loopback."""

import gzip
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from ingest.connections import is_public
from ingest.fetched import read_document
from ingest.readers import ReadFailure, ReadWarning, read_file
from ingest.web import Limits, collect_documents
from rag.settings import load_settings
from rag.types import Article
from tests.doubles import open_assistant, served
from ui.api import AnswerService, create_app
from ui.cli.main import main

WORDS = "<p>هذه فقرة طويلة من المقال، وفيها ما يكفي من الكلام.</p>"
MAX_CHARS = 100_000


def page(title, head=""):
    return f"<html><head><meta charset=utf-8><title>{title}</title>{head}</head><body>{WORDS}</body></html>"


@contextmanager
def web(pages):
    """A server of these paths: each a text, bytes, (status, headers, text), or something to call with the handler.
    Gives its address and the list of what it is asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["User-Agent"]))
            found = pages.get(self.path, (404, {}, ""))
            if callable(found):
                found(self)
                return
            status, headers, content = found if isinstance(found, tuple) else (200, {}, found)
            body = content if isinstance(content, bytes) else content.encode()
            self.send_response(status)
            for name, value in ({"Content-Type": "text/html", "Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def collect(folder, *wanted, let_through=("127.0.0.1",), **chosen):
    """What is read of these addresses."""
    limits = Limits(**({"pause_s": 0, "seconds": 5} | chosen))
    found = collect_documents(wanted, let_through, folder, lambda *_: None, limits)
    return [
        one
        for item in found
        for one in ([item] if isinstance(item, ReadFailure) else read_document(item, MAX_CHARS))
        if not isinstance(one, ReadWarning)
    ]


def reason(folder, address, **chosen):
    (one,) = collect(folder, address, **chosen)
    assert isinstance(one, ReadFailure), one
    assert one.path == address
    return one.reason


def test_a_page_is_an_article_of_its_canonical_address(tmp_path):
    with web({"/a?x=1": page("عنوان", '<link rel="canonical" href="/خبر/1/">')}) as (site, asked):
        (one,) = collect(tmp_path, f"{site}/a?x=1#part")
        host = site.removeprefix("http://")
    assert isinstance(one, Article)
    assert (one.title, one.url, one.id) == ("عنوان", f"{site}/خبر/1/", f"{host}/خبر/1")
    assert one.source == f"{site}/a?x=1"
    assert asked[0][1].startswith("Dalil/")


def test_an_address_may_have_arabic_letters(tmp_path):
    with web({"/%D8%AE%D8%A8%D8%B1": page("عنوان")}) as (site, _):
        assert [one.title for one in collect(tmp_path, f"{site}/خبر")] == ["عنوان"]


def test_a_page_cannot_take_the_place_of_another_host_s(tmp_path):
    with web({"/a": page("عنوان", '<link rel="canonical" href="https://example.org/trusted">')}) as (site, _):
        (one,) = collect(tmp_path, f"{site}/a")
    assert one.url == f"{site}/a"


@pytest.mark.parametrize("rule", ["User-agent: *\nDisallow: /no", "User-agent: dalil\nDisallow: /*/x$\nDisallow: /no"])
def test_robots_are_obeyed_also_behind_a_redirect(tmp_path, rule):
    pages = {"/robots.txt": rule, "/no/x": page("لا"), "/yes": page("نعم"), "/go": (302, {"Location": "/no/x"}, "")}
    with web(pages) as (site, asked):
        refused, allowed, led = collect(tmp_path, f"{site}/no/x", f"{site}/yes", f"{site}/go")
    assert allowed.title == "نعم"
    assert "robots.txt" in refused.reason
    assert "robots.txt" in led.reason
    assert [path for path, _ in asked] == ["/robots.txt", "/yes", "/go"]


def test_a_host_that_cannot_say_what_may_be_read_is_not_read(tmp_path):
    with web({"/robots.txt": (503, {}, ""), "/a": page("عنوان")}) as (site, asked):
        assert "robots.txt gives 503" in reason(tmp_path, f"{site}/a")
    assert len(asked) == 1


def test_private_addresses_are_refused(tmp_path):
    with web({"/a": page("عنوان")}) as (site, asked):
        assert "DALIL_WEB_PRIVATE_HOSTS" in reason(tmp_path, f"{site}/a", let_through=())
        assert "DALIL_WEB_PRIVATE_HOSTS" in reason(tmp_path, site.replace("127.0.0.1", "localhost"))
    assert asked == []


@pytest.mark.parametrize("target", ["http://localhost:{}/b", "http://127.1.2.3:{}/b", "http://[::ffff:127.0.0.1]:{}/b"])
def test_a_redirect_to_a_private_address_is_refused(tmp_path, target):
    pages = {"/b": page("سر")}
    with web(pages) as (site, asked):
        pages["/a"] = (302, {"Location": target.format(site.rpartition(":")[2])}, "")
        assert "private network" in reason(tmp_path, f"{site}/a")
    assert [path for path, _ in asked] == ["/robots.txt", "/a"]


def test_an_address_with_a_password_is_not_kept(tmp_path):
    with web({"/a": page("عنوان")}) as (site, asked):
        address = site.replace("//", "//reader:secret@") + "/a"
        assert reason(tmp_path, address).startswith("An address is kept with its article")
        assert asked == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/", "", "http://["])
def test_a_redirect_out_of_the_web_is_refused(tmp_path, target):
    with web({"/a": (302, {"Location": target}, "")}) as (site, _):
        assert reason(tmp_path, f"{site}/a").startswith("It redirects ")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("64:ff9b::808:808", True),
        ("10.0.0.1", False), ("127.0.0.1", False), ("169.254.169.254", False), ("100.64.0.1", False),
        ("0.0.0.0", False), ("224.0.0.1", False), ("255.255.255.255", False), ("192.168.1.1", False),
        ("::1", False), ("::", False), ("fe80::1%eth0", False), ("fc00::1", False), ("fec0::1", False),
        ("ff02::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False), ("2002:7f00:1::", False),
    ],
)  # fmt: skip
def test_addresses_of_the_internet_alone_are_public(address, expected):
    assert is_public(address) == expected


def test_the_pages_of_an_index_of_sitemaps_are_read_each_once(tmp_path):
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    pages = {f"/{name}": page(name) for name in "abc"}
    with web(pages) as (site, _):
        urls = "".join(f"<url><loc>{site}/{name}</loc></url>" for name in "abca")
        pages["/s.xml.gz"] = gzip.compress(f"<urlset {space}>{urls}</urlset>".encode())
        pages["/i.xml"] = f"<sitemapindex {space}><sitemap><loc>{site}/s.xml.gz</loc></sitemap></sitemapindex>"
        found = collect(tmp_path, f"{site}/i.xml")
        assert [one.title for one in found] == ["a", "b", "c"]
        *_, left_out = collect(tmp_path, f"{site}/i.xml", addresses=4)
        assert left_out.path == f"{site}/c"
        assert "--max-pages" in left_out.reason


@pytest.mark.parametrize(
    "feed",
    [
        '<?xml version="1.0"?><rss version="2.0"><channel><item><link>/a</link></item></channel></rss>',
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><link rel="alternate" href="/a"/></entry></feed>',
    ],
)
def test_the_pages_of_a_feed_are_read(tmp_path, feed):
    with web({"/feed": (200, {"Content-Type": "text/xml"}, feed), "/a": page("عنوان")}) as (site, _):
        (one,) = collect(tmp_path, f"{site}/feed")
        assert (one.title, one.source) == ("عنوان", f"{site}/a")


def test_a_page_that_is_too_large_is_refused(tmp_path):
    with web({"/a": page("x" * 5_000), "/z": gzip.compress(b"x" * 5_000)}) as (site, _):
        assert "larger than" in reason(tmp_path, f"{site}/a", max_bytes=1_000)
        assert "unpacks to more" in reason(tmp_path, f"{site}/z", max_bytes=1_000)


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nX", b"HTTP/1.1 200 OK\r\n\r\nx"])
def test_a_server_that_hangs_or_drips_is_given_up(tmp_path, sent):
    stop = Event()

    def hang(handler):
        handler.wfile.write(sent)
        while not stop.wait(0.1):
            try:
                handler.wfile.write(b"y" if sent else b"")
            except OSError:
                return

    with web({"/a": hang}) as (site, _):
        started = time.monotonic()
        assert reason(tmp_path, f"{site}/a", seconds=1) == "It is not there after 1 s."
        assert time.monotonic() - started < 10
        stop.set()


def test_a_host_is_asked_with_pauses_and_no_more_after_failures(tmp_path):
    with web({"/robots.txt": "User-agent: *\nCrawl-delay: 0.3"}) as (site, asked):
        started = time.monotonic()
        found = collect(tmp_path, *(f"{site}/{number}" for number in range(7)))
        assert time.monotonic() - started > 5 * 0.3
    assert [one.reason for one in found[:5]] == ["The server answers with 404."] * 5
    assert all("asked no more" in one.reason for one in found[5:])
    assert len(asked) == 6


def test_what_dalil_does_not_read_is_named(tmp_path):
    with web({"/a.gif": (200, {"Content-Type": "image/gif"}, b"x"), "/b.txt": (200, {"Content-Type": ""}, "نص")}) as (
        site,
        _,
    ):
        picture, text = collect(tmp_path, f"{site}/a.gif", f"{site}/b.txt")
    assert picture.reason == "Dalil does not read image/gif."
    assert text.text == "نص"


def test_the_service_has_nothing_to_fetch_with():
    loaded = (
        "import sys, ui.api, ui.page, ui.serve; print([name for name in sys.modules if name.startswith('ingest.web')])"
    )
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout == "[]\n"


# The command line


def test_an_address_is_ingested_and_a_sync_of_files_leaves_it(tmp_path, monkeypatch, capsys):
    for name, value in {"DATA_DIR": tmp_path / "data", "WEB_PRIVATE_HOSTS": "127.0.0.1"}.items():
        monkeypatch.setenv(f"DALIL_{name}", str(value))
    (tmp_path / "a.txt").write_text("نص قصير.")
    with web({"/a": page("عنوان")}) as (site, _):
        assert main(["ingest", f"{site}/a", f"{site}/b", str(tmp_path / "a.txt")]) == 1
        seen = capsys.readouterr()
        assert seen.out == "2 added, 0 changed, 0 unchanged, 0 removed, 1 failed\n"
        assert f"not ingested: {site}/b: The server answers with 404." in seen.err
        assert main(["ingest", f"{site}/a"]) == 0
        assert main(["ingest", "--sync", f"{site}/a"]) == 2
    assert main(["ingest", "--sync", str(tmp_path / "a.txt")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 added, 0 changed, 1 unchanged, 0 removed, 0 failed"


@pytest.mark.parametrize("named", ["ETag", "Last-Modified"])
def test_a_page_that_has_not_changed_is_not_sent_again(tmp_path, monkeypatch, capsys, named):
    version, served_pages = ['"one"'], []
    asks = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}[named]

    def give(handler):
        is_known = handler.headers[asks] == version[0]
        content = b"" if is_known else page(f"عنوان {version[0]}").encode()
        handler.send_response(304 if is_known else 200)
        for name, value in ((named, version[0]), ("Content-Type", "text/html"), ("Content-Length", str(len(content)))):
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)
        served_pages.append(304 if is_known else 200)

    monkeypatch.setenv("DALIL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DALIL_WEB_PRIVATE_HOSTS", "127.0.0.1")
    told = []
    with web({"/a": give, "/old": (301, {"Location": "/a"}, "")}) as (site, _):
        for path in ("/a", "/old", "/a"):
            assert main(["ingest", f"{site}{path}"]) == 0
            told.append(capsys.readouterr().out)
            version[0] = '"two"' if path == "/old" else version[0]
    assert [[int(count) for count in re.findall(r"[0-9]+", one)[:3]] for one in told] == [
        [1, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
    ]
    assert served_pages == [200, 304, 200]


def test_an_address_is_fetched_here_and_its_article_sent_to_a_server(tmp_path, monkeypatch, capsys):
    for name, value in {"DATA_DIR": tmp_path / "data", "WEB_PRIVATE_HOSTS": "127.0.0.1"}.items():
        monkeypatch.setenv(f"DALIL_{name}", str(value))
    pages = {"/a": page("عنوان").replace("<p>", "<h2>باب</h2><p>", 1)}
    with open_assistant(load_settings({}, data_dir=tmp_path / "served")) as opened:
        with web(pages) as (site, _), served(create_app(AnswerService(opened))) as url:
            assert main(["ingest", "--server", url, f"{site}/a", f"{site}/b"]) == 1
            seen = capsys.readouterr()
            assert main(["ingest", "--server", url, f"{site}/a"]) == 0
        (summary,) = opened.store.summarize_articles().values()
        one = opened.store.get_article(summary.id)
    assert seen.out == "1 added, 0 changed, 0 unchanged, 0 removed, 1 failed\n"
    assert "/b: The server answers with 404." in seen.err
    assert "0 added, 0 changed, 1 unchanged" in capsys.readouterr().out
    assert (one.title, one.url, one.source, len(one.headings)) == ("عنوان", f"{site}/a", f"{site}/a", 1)
    assert not (tmp_path / "data").exists()


# WordPress

EXPORT = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wp="http://wordpress.org/export/1.2/"><channel>
<item><title>البحر</title><link>https://example.org/sea/</link><category domain="post_tag">وسم</category>
<category domain="category"><![CDATA[ماء]]></category><excerpt:encoded><![CDATA[ملخص]]></excerpt:encoded>
<content:encoded><![CDATA[<!-- wp:paragraph --><p>البحر \x0bواسع.</p>[caption id="1"]صورة[/caption]]]></content:encoded>
<wp:post_date>2024-03-25 10:00:00</wp:post_date><wp:post_type>post</wp:post_type><wp:status>publish</wp:status></item>
<item><title>قديم</title><link>https://example.org/?p=2</link><content:encoded><![CDATA[فقرة
ثانية

فقرة]]></content:encoded><wp:post_type>page</wp:post_type><wp:status>publish</wp:status></item>
<item><title>مسودة</title><content:encoded>سر</content:encoded><wp:post_type>post</wp:post_type>
<wp:status>draft</wp:status></item>
<item><title>سري</title><content:encoded>سر</content:encoded><wp:post_type>post</wp:post_type>
<wp:status>publish</wp:status><wp:post_password>x</wp:post_password></item>
<item><title>صورة</title><wp:post_type>attachment</wp:post_type><wp:status>inherit</wp:status></item>
</channel></rss>"""


def test_each_published_post_of_an_export_is_an_article(tmp_path):
    (tmp_path / "export.xml").write_text(EXPORT, "utf-8")
    sea, old, secret, left_out = read_file(tmp_path / "export.xml", tmp_path, MAX_CHARS)
    assert (sea.id, sea.title, sea.url, sea.date, sea.topic) == (
        "example.org/sea", "البحر", "https://example.org/sea/", "2024-03-25", "ماء",
    )  # fmt: skip
    assert sea.text.split() == ["البحر", "واسع.", "صورة"]
    assert (old.id, old.text) == ("example.org?p=2", "فقرة\nثانية\n\nفقرة")
    assert "password" in secret.reason
    assert left_out.reason.startswith("2 of its 5 entries")


def test_an_export_that_is_cut_off_gives_what_stands_before(tmp_path):
    (tmp_path / "export.xml").write_text(EXPORT[: EXPORT.index("<item><title>مسودة")] + "<item>", "utf-8")
    *articles, failure = read_file(tmp_path / "export.xml", tmp_path, MAX_CHARS)
    assert [one.title for one in articles] == ["البحر", "قديم"]
    assert "damaged" in failure.reason


@pytest.mark.parametrize(
    "content", ["<a/>", "<rss/>", "<rss><item>", "no", '<!DOCTYPE a [<!ENTITY b "c">]><rss>&b;</rss>']
)
def test_other_xml_is_a_failure(tmp_path, content):
    (tmp_path / "a.xml").write_text(content)
    (one,) = read_file(tmp_path / "a.xml", tmp_path, MAX_CHARS)
    assert isinstance(one, ReadFailure)


def test_an_export_at_an_address_is_read(tmp_path):
    with web({"/e.xml": (200, {"Content-Type": "text/xml"}, EXPORT)}) as (site, _):
        sea, *_ = collect(tmp_path, f"{site}/e.xml")
    assert (sea.id, sea.url) == ("example.org/sea", "https://example.org/sea/")
