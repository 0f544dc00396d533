import json

import pytest

from tests.doubles import Endpoint, Refuses
from ui.cli.main import main


@pytest.fixture
def endpoint(monkeypatch):
    with Endpoint() as running:
        monkeypatch.setenv("DALIL_LLM_BASE_URL", running.url)
        monkeypatch.setenv("DALIL_LLM_MODEL", "scripted")
        yield running


def test_check_prints_what_a_model_is_and_how_fast(endpoint, capsys):
    endpoint.says("واحد، اثنان، ثلاثة، أربعة.")
    endpoint.pause_s = 0.05
    assert main(["model", "check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model"], found["where"], found["error"]) == ("scripted", endpoint.url, None)
    assert found["text"] == "واحد، اثنان، ثلاثة، أربعة."
    assert 0 < found["first_token_s"] < 5
    assert 1 < found["tokens_per_s"] < 1000


def test_check_prints_the_endpoints_own_error(endpoint, capsys):
    endpoint.says(Refuses(404, {}, "model 'scripted' not found, try pulling it first"))
    assert main(["model", "check"]) == 1
    assert "try pulling it first" in capsys.readouterr().out


def test_check_without_a_model_says_what_to_set(capsys):
    assert main(["model", "check"]) == 2
    assert "DALIL_LLM_BASE_URL" in capsys.readouterr().err


def test_list_names_what_can_be_fetched(capsys):
    assert main(["model", "list"]) == 0
    assert "gemma-3-4b" in capsys.readouterr().out
