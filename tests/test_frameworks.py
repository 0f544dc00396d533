"""The how-to of frameworks is run as it stands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles import Endpoint, Whole
from tests.test_cli import dalil

ROOT = Path(__file__).parent.parent
PAPER = ROOT / "docs" / "how-to" / "frameworks.md"
MODEL_URL = "http://127.0.0.1:11434/v1"


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What the examples print, a line each, and what their model was asked."""
    folder = tmp_path_factory.mktemp("frameworks")
    (folder / "articles").mkdir()
    for name in ("dead-sea", "socotra"):
        shutil.copy(ROOT / "articles" / f"{name}.md", folder / "articles")
    assert dalil(folder, "ingest", "articles").returncode == 0
    text = PAPER.read_text("utf-8")
    assert MODEL_URL in text
    with Endpoint() as endpoint:
        endpoint.says(Whole({"role": "assistant", "content": "It has no outlet."}))
        script = "\n".join(re.findall(r"```python\n(.*?)```", text.replace(MODEL_URL, endpoint.url), re.DOTALL))
        # Haystack keeps a file in the home of whoever imports it.
        own = {"DALIL_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT), "HOME": str(folder)}
        command = [sys.executable, "-c", script]
        ran = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=300, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines(), endpoint.asked


def test_the_query_engine_of_llama_index_asks_its_model_with_the_articles_words(printed):
    lines, asked = printed
    assert lines[0].startswith("It has no outlet. [('dead-sea', '")
    assert "البحر الميت" in str(asked[0]["messages"])


def test_the_embedding_finds_across_languages_in_an_index_of_llama_index(printed):
    assert "يقع البحر الميت في الأغوار." in printed[0][1]


def test_the_assistant_searches_with_the_postprocessor(printed):
    assert "البحر الميت" in printed[0][2]


def test_the_chain_of_langchain_has_the_passages(printed):
    assert "البحر الميت" in printed[0][3]


def test_the_pipeline_of_haystack_has_the_passages(printed):
    assert "البحر الميت" in printed[0][4]
    assert "'article_id': 'dead-sea'" in printed[0][4]
