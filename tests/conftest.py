"""What is slow to make, made once."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from ingest.readers import read_file
from rag.answering.assistant import Assistant
from rag.settings import load_settings
from tests.browser import CHROMIUM, FLAGS, MAX_BODY_BYTES, SITE_ARTICLES, Site, open_site, open_tab
from tests.doubles import ONE_THREAD, put

if not os.environ.get("DALIL_TEST_OPEN_WEBUI"):  # gigabytes that nobody has by chance
    collect_ignore = ["test_open_webui.py"]

# The time of one example says more of the machine than of the code.
hypothesis_settings.register_profile("dalil", deadline=None)
hypothesis_settings.load_profile("dalil")

ARTICLES = Path(__file__).parent.parent / "articles"
SLOWEST = (
    "page_chat", "page_access", "cli", "ray_workers", "archive", "integrity", "page_library", "page_start",
    "page_model", "page_embedding", "path_prefix", "page_article", "page_frame", "page_links", "llama_cpp",
    "faults", "watching", "network", "eval", "store", "assistant", "secrets", "sign_in", "articles_api", "mcp",
    "reindex", "service", "qdrant_server", "conversation_store", "sync", "collections", "access",
)  # fmt: skip
"""Files that take longest, the longest first: one that began last would run alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    places = {f"test_{name}": place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session", autouse=True)
def environment() -> Iterator[None]:
    """None of the developer's own settings, and models with one thread in the processes that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DALIL_") or name == "OPENAI_API_KEY"]:
            if not name.startswith("DALIL_TEST_"):
                patch.delenv(name)
        patch.setenv("DALIL_THREADS", str(ONE_THREAD["threads"]))
        yield


@pytest.fixture(scope="session")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant as it is by default, over four of the sample articles."""
    settings = load_settings({}, data_dir=tmp_path_factory.mktemp("index"), **ONE_THREAD)
    with Assistant.from_settings(settings) as opened:
        names = ("dead-sea", "honey-bees", "hope-probe", "ibn-battuta")
        put(opened, *(found for name in names for found in read_file(ARTICLES / f"{name}.md", ARTICLES, 10_000)))
        yield opened


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """A browser. Of one module, since Playwright keeps an event loop running in which others cannot run theirs."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `site`: its articles, and its data."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="session")
def session_site(site_folder: Path) -> Iterator[Site]:
    """Of `site`: the process."""
    with open_site(site_folder, SITE_ARTICLES, DALIL_MAX_BODY_BYTES=str(MAX_BODY_BYTES)) as opened:
        try:
            yield opened
        finally:
            opened.process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def site(session_site: Site) -> Iterator[str]:
    """The address of a site over a few articles; a test that changes them puts them back. While other modules run it is
    stopped: Gradio looks for events a thousand times a second, which takes 3 % of a processor."""
    session_site.process.send_signal(signal.SIGCONT)
    yield session_site.url
    session_site.process.send_signal(signal.SIGSTOP)


@pytest.fixture
def page(site, chromium):
    """The Arabic page of `site` in a tab of its own."""
    with open_tab(chromium, f"{site}/ar/") as tab:
        yield tab


@pytest.fixture
def english(site, chromium):
    """The English page of `site` in a tab of its own."""
    with open_tab(chromium, f"{site}/en/") as tab:
        yield tab
