"""No key reaches what is kept or shown: neither the outputs of a service, nor its files, nor what it answers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.doubles import closed_port
from tests.forked import Forked, run_forked

ROOT = Path(__file__).parent.parent
ARTICLES = [str(ROOT / "articles" / f"{name}.md") for name in ("hejaz-railway", "socotra")]
QUESTION = "متى وصل قطار الحجاز إلى المدينة؟"
READER_KEY = "reader-key-5d1f0c"
SECRETS = {
    "DALIL_API_KEYS": READER_KEY,
    "DALIL_LLM_API_KEY": "model-key-77aa31",
    "DALIL_RERANK_API_KEY": "rerank-key-c0ffee",
    "DALIL_EMBEDDING_API_KEY": "embedding-key-b19e42",
    "DALIL_QDRANT_API_KEY": "qdrant-key-4e8d90",
}


class _EchoHandler(BaseHTTPRequestHandler):
    """Refuses every request, and says with which headers it came: in its status line, its headers and its body."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        keys = f"{self.headers['Authorization']} {self.headers['api-key']}"
        body = json.dumps({"error": {"message": f"no such key: {keys}"}, "status": {"error": keys}}).encode()
        self.send_response(401, f"Unauthorized {keys}")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Key", keys)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """The address of an endpoint of every kind that says the keys it is sent."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _EchoHandler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def make_environment(folder: Path, **settings: str) -> dict[str, str]:
    shared = {"DALIL_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT), "OPENAI_LOG": "debug"}
    return os.environ | shared | SECRETS | settings


def dalil(folder: Path, *arguments: str, logs_all: bool = False, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = make_environment(folder, **settings)
    return run_forked(*arguments, environment=environment, folder=folder, logs_all=logs_all)


def find_secrets(*texts: str) -> list[str]:
    return [secret for secret in SECRETS.values() if any(secret in text for text in texts)]


def read_files(folder: Path) -> list[str]:
    return [path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()]


@contextmanager
def serve(folder: Path, **settings: str) -> Iterator[tuple[str, list[str]]]:
    """The address of a service, and what it has written once it has ended."""
    output: list[str] = []
    command = ("serve", "--port", str(closed_port()))
    environment = make_environment(folder, **settings)
    with (folder / "stderr").open("w+") as errors:
        written = {"stdout": subprocess.PIPE, "stderr": errors}
        with Forked(*command, environment=environment, folder=folder, logs_all=True, **written) as process:
            first = process.stdout.readline()
            assert first.startswith("Dalil answers"), (folder / "stderr").read_text()
            yield first.split()[3], output
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            output += [first, process.stdout.read()]
        errors.seek(0)
        output.append(errors.read())


def provoke(url: str) -> list[httpx.Response]:
    """What a service answers to requests that carry a key wherever one may stand, and to questions."""
    bearer = {"Authorization": f"Bearer {READER_KEY}"}
    with httpx.Client(base_url=url, timeout=60) as client:
        refused = [
            client.get("/v1/models"),
            client.get("/v1/models", headers={"Authorization": f"Basic {READER_KEY}"}),
            client.get(f"/v1/articles?key={READER_KEY}"),
            client.get(f"/v1/{READER_KEY}"),
            client.get("/v1/models", headers={"Cookie": f"dalil_pass={READER_KEY}"}),
            client.post("/login", data={"key": f"{READER_KEY}-not"}),
        ]
        wrong = [
            client.get(f"/v1/articles?limit={READER_KEY}", headers=bearer),
            client.get(f"/v1/articles/none?key={READER_KEY}", headers=bearer),
            client.post("/v1/ask", content=f'{{"question": "{READER_KEY}', headers=bearer),
            client.post("/v1/ask", json={"question": "س", "language": READER_KEY}, headers=bearer),
            client.post(f"/v1/articles?key={READER_KEY}", content=b"\0", headers=bearer),
            client.request("TRACE", "/v1/ask", headers=bearer),
        ]
        asked = [
            client.post("/v1/ask", json={"question": QUESTION, "mode": mode}, headers=bearer)
            for mode in ("generate", "extractive")
        ]
        asked.append(client.post("/v1/ask", json={"question": QUESTION, "stream": True}, headers=bearer))
        asked.append(client.get("/ready"))
        asked.append(client.get("/metrics", headers=bearer))
        client.post("/login", data={"key": READER_KEY})
        asked.append(client.get("/ar/"))
    assert [answer.status_code for answer in refused] == [401] * len(refused)
    assert [answer.status_code for answer in wrong] == [422, 404, 422, 422, 400, 405]
    assert [answer.status_code for answer in asked] == [200] * len(asked)
    assert asked[0].json()["reason"] == "model_key_refused"
    return [*refused, *wrong, *asked]


def test_no_key_is_in_what_a_service_writes_keeps_or_answers(tmp_path, echo):
    """Where it logs all: as it is it writes a part of that, in the same way."""
    assert dalil(tmp_path, "ingest", *ARTICLES).returncode == 0
    endpoints = {"DALIL_LLM_BASE_URL": echo, "DALIL_LLM_MODEL": "m"}
    endpoints |= {"DALIL_RERANK_BASE_URL": echo, "DALIL_RERANK_MODEL": "m"}
    with serve(tmp_path, **endpoints) as (url, output):
        answers = provoke(url)
    assert find_secrets(*(answer.text for answer in answers)) == []
    assert "reranking endpoint" in output[-1]
    assert find_secrets(*output) == []
    assert find_secrets(*read_files(tmp_path / "data")) == []


@pytest.mark.parametrize("part", ["EMBEDDING_BASE", "QDRANT"])
@pytest.mark.parametrize(
    ("logs_all", "command"),
    [(False, ["ask", QUESTION]), (True, ["ask", QUESTION]), (True, ["ingest", *ARTICLES]), (True, ["serve"])],
)
def test_no_key_is_in_why_a_command_failed(tmp_path, echo, logs_all, command, part):
    settings = {f"DALIL_{part}_URL": echo} | ({"DALIL_EMBEDDING_MODEL": "m"} if part != "QDRANT" else {})
    done = dalil(tmp_path, *command, logs_all=logs_all, **settings)
    assert (done.returncode, echo in done.stderr) == (1, True)
    assert find_secrets(done.stdout, done.stderr, *read_files(tmp_path)) == []


LOGGING_ODDLY = f"""
import logging, sys
from rag.secrets import hide_secrets_in_logs
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
hide_secrets_in_logs(["{READER_KEY}", "k"])
log = logging.getLogger("x")
log.debug("key %s of %s", "{READER_KEY}", {{"k": "{READER_KEY}"}})
log.info("{READER_KEY} %s %s", "too few")
log.warning("as it is: %d %%", 7)
try:
    raise ValueError("not {READER_KEY}")
except ValueError:
    log.exception("failed")
log.error("%(name)s", {{"name": "{READER_KEY}"}})
"""


def test_whatever_is_logged_hides_keys_and_all_else_stays():
    done = subprocess.run(
        [sys.executable, "-c", LOGGING_ODDLY],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert find_secrets(done.stdout, done.stderr) == []
    assert "WARNING:x:as it is: 7 %" in done.stdout
    assert "ValueError: not ***" in done.stdout
    assert done.stdout.startswith("DEBUG:x:key *** of {'k': '***'}\n")


def test_a_setting_that_is_wrong_is_named_without_the_keys(tmp_path):
    done = dalil(tmp_path, "status", DALIL_TOP_K="0", DALIL_HOST="0.0.0.0", DALIL_API_KEYS=f",{READER_KEY}")
    assert (done.returncode, "DALIL_TOP_K" in done.stderr) == (2, True)
    assert find_secrets(done.stdout, done.stderr) == []
