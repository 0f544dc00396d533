"""Fetching a model, from a hub on loopback that speaks as Hugging Face does."""

import hashlib
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from rag.answering.llm.catalogue import CATALOGUE, find_entry
from rag.errors import InputError

ROOT = Path(__file__).parent.parent
CONTENT, COMMIT = b"GGUF" + b"weights" * 1000, "c" * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Hub(ThreadingHTTPServer):
    """A hub with one repository of one file; `content` is what it gives for it, `paths` what it was asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.content, self.paths = CONTENT, []


class HubHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        if self.path.startswith("/api/models/owner/repository"):
            lfs = {"size": len(CONTENT), "sha256": SHA256, "pointerSize": 130}
            file = {"rfilename": "model.gguf", "size": len(CONTENT), "blobId": "b", "lfs": lfs}
            info = {"id": "owner/repository", "sha": COMMIT, "siblings": [file], "cardData": {"license": "apache-2.0"}}
            self.reply(200, json.dumps(info).encode(), {"Content-Type": "application/json"})
        elif self.path == f"/owner/repository/resolve/{COMMIT}/model.gguf":
            content = self.server.content
            self.reply(200, content, {"ETag": f'"{SHA256}"', "X-Repo-Commit": COMMIT})
        else:
            self.reply(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET

    def reply(self, status, body, headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub():
    with Hub() as running:
        Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield running
        running.shutdown()


def pull(hub, folder, *arguments):
    environment = os.environ | {
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(folder / "home"),
        "DALIL_DATA_DIR": str(folder),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "ui.cli", "model", "pull", *arguments, "--json"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_a_model_is_described_before_it_is_fetched(hub, tmp_path):
    done = pull(hub, tmp_path, "owner/repository/model.gguf")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["size"], found["sha256"], found["licence"]) == (len(CONTENT), SHA256, "apache-2.0")
    assert found["path"] is None
    assert not any("resolve" in path for path in hub.paths)


def test_a_model_is_fetched_when_told(hub, tmp_path):
    done = pull(hub, tmp_path, "owner/repository/model.gguf", "--yes")
    assert done.returncode == 0, done.stderr
    path = Path(json.loads(done.stdout)["path"])
    assert (path, path.read_bytes()) == (tmp_path / "models" / "model.gguf", CONTENT)


def test_a_file_with_another_hash_is_removed(hub, tmp_path):
    hub.content = b"X" * len(CONTENT)
    done = pull(hub, tmp_path, "owner/repository/model.gguf", "--yes")
    assert done.returncode == 1
    assert "hash" in done.stderr
    assert not (tmp_path / "models" / "model.gguf").exists()


@pytest.mark.parametrize("name", ["owner/other/model.gguf", "owner/repository/other.gguf"])
def test_what_is_not_there_is_an_error_in_words(hub, tmp_path, name):
    done = pull(hub, tmp_path, name)
    assert done.returncode == 1
    assert "owner/" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_is_of_the_catalogue_or_of_a_file():
    assert find_entry(CATALOGUE[0].name) is CATALOGUE[0]
    for name in ("gemma", "owner/repository", "owner/repository/file.bin"):
        with pytest.raises(InputError, match="gemma-3-4b"):
            find_entry(name)
