import json

import pytest

from rag.answering.assistant import Assistant
from rag.settings import load_settings
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


# Building


def test_after_a_build_a_start_writes_no_model_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["model", "build", "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert built["folder"] == str(tmp_path / "dalil")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "dalil").iterdir()}
    assert built["files"].keys() == before.keys()
    (tmp_path / "dalil").chmod(0o500)
    with Assistant.from_settings(load_settings({}, data_dir=tmp_path / "index")):
        assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "dalil").iterdir()} == before
