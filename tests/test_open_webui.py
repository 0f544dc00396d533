"""Open WebUI itself, where `DALIL_TEST_OPEN_WEBUI` names its program: it is too large to install for every test."""

import json
import os
import subprocess
import time

import httpx
import pytest

from tests.doubles import closed_port, like, served
from ui.api import AnswerService, create_app

PROGRAM = os.environ.get("DALIL_TEST_OPEN_WEBUI", "")
QUESTION = {"role": "user", "content": "كم يومًا تحتاج ملكة النحل لتكتمل من البيضة إلى الحشرة البالغة؟"}
START_S = 300

pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="DALIL_TEST_OPEN_WEBUI names no program: pip install open-webui in an environment of its own"
)


@pytest.fixture(scope="module")
def web_ui(assistant, tmp_path_factory):
    """A client of Open WebUI, which asks Dalil, signed in."""
    with served(create_app(AnswerService(like(assistant, refuse_below=0.0)))) as dalil:
        port, folder = closed_port(), tmp_path_factory.mktemp("open-webui")
        settings = {
            "OPENAI_API_BASE_URL": f"{dalil}/v1",
            "OPENAI_API_KEY": "any",
            "RAG_EMBEDDING_ENGINE": "openai",  # else it fetches a model as it starts
            "RAG_OPENAI_API_BASE_URL": f"{dalil}/v1",
            "ENABLE_OLLAMA_API": "False",
            "WEBUI_AUTH": "False",
            "WEBUI_SECRET_KEY": "any",
            "OFFLINE_MODE": "True",
            "DATA_DIR": str(folder),
        }
        command = [PROGRAM, "serve", "--host", "127.0.0.1", "--port", str(port)]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=folder, env=os.environ | settings, stdout=log, stderr=log)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
                wait_until_healthy(client, process)
                signed_in = client.post("/api/v1/auths/signin", json={"email": "admin@localhost", "password": "admin"})
                client.headers["Authorization"] = f"Bearer {signed_in.json()['token']}"
                yield client
        finally:
            process.terminate()
            process.wait(60)


def wait_until_healthy(client, process):
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    pytest.fail("Open WebUI does not start")


def test_it_lists_dalil_as_a_model(web_ui):
    assert "dalil" in [model["id"] for model in web_ui.get("/api/models").json()["data"]]


def test_it_is_answered_with_citations(web_ui):
    request = {"model": "dalil", "messages": [QUESTION], "stream": False}
    completion = web_ui.post("/api/chat/completions", json=request).json()
    assert "[1]" in completion["choices"][0]["message"]["content"]
    assert completion["citations"][0]["article_id"] == "honey-bees"


def test_it_is_answered_as_it_is_written(web_ui):
    request = {"model": "dalil", "messages": [QUESTION], "stream": True}
    with web_ui.stream("POST", "/api/chat/completions", json=request) as response:
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line]
    choices = [choice for line in lines[:-1] for choice in json.loads(line)["choices"]]
    assert lines[-1] == "[DONE]"
    assert "[1]" in "".join(choice["delta"].get("content") or "" for choice in choices)


@pytest.mark.parametrize(("task", "kind"), [("title", "title"), ("tags", "tags"), ("follow_up", "follow_ups")])
def test_what_it_asks_for_itself_is_answered_in_its_form(web_ui, task, kind):
    request = {"model": "dalil", "messages": [QUESTION, {"role": "assistant", "content": "ستة عشر يومًا."}]}
    completion = web_ui.post(f"/api/v1/tasks/{task}/completions", json=request).json()
    assert set(json.loads(completion["choices"][0]["message"]["content"])) == {kind}
