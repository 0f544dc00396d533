"""What happens when things go wrong: short runs of `eval.faults` on a real service."""

import shutil
from pathlib import Path

from eval.faults.killing import measure_killing
from eval.faults.replacing import measure_replacing
from eval.faults.slow_connections import measure_slow_connections
from tests.forked import start_forked

ARTICLES = Path(__file__).parent.parent / "articles"


def copy_articles(folder, *names):
    folder.mkdir()
    for name in names:
        shutil.copy(ARTICLES / f"{name}.md", folder)
    return folder


def test_who_asks_while_an_article_is_replaced_sees_one_revision_of_it(tmp_path):
    articles = copy_articles(tmp_path / "articles", "honey-bees", "dead-sea")
    found = measure_replacing(4, tmp_path / "index", articles, start_forked)
    assert (found["error"], found["refused"], found["both"]) == (0, 0, 0), found["examples"]
    assert min(found["questions"], found["replacements"]) > 1


def test_an_acknowledged_article_survives_a_kill(tmp_path):
    found = measure_killing(2, tmp_path / "index", start_forked)
    assert found["lost"] == []


def test_slow_connections_send_nobody_away(tmp_path):
    with start_forked(tmp_path / "index") as (url, _):
        found = measure_slow_connections(url, connections=20, questions=10)
    assert found["with"]["statuses"] == found["without"]["statuses"] == {200: 10}
