"""What is slow to make, made once."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from ingest.readers import read
from rag.answering.assistant import Assistant
from rag.settings import load
from tests.doubles import put

# The time of one example says more of the machine than of the code.
hypothesis_settings.register_profile("dalil", deadline=None)
hypothesis_settings.load_profile("dalil")

ARTICLES = Path(__file__).parent.parent / "articles"


@pytest.fixture(scope="session", autouse=True)
def environment() -> Iterator[None]:
    """None of the developer's own settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DALIL_") or name == "OPENAI_API_KEY"]:
            if not name.startswith("DALIL_TEST_"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant as it is by default, over four of the sample articles."""
    settings = load(environment={}, data_dir=tmp_path_factory.mktemp("index"))
    with Assistant.from_settings(settings) as opened:
        names = ("dead-sea", "honey-bees", "hope-probe", "ibn-battuta")
        put(opened, *(found for name in names for found in read(ARTICLES / f"{name}.md", ARTICLES, 10_000)))
        yield opened
