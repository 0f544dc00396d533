"""Archives: what is written is read again to the letter, and nothing that is not whole is read at all."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from threading import Thread

import pytest
from fastapi.testclient import TestClient

from eval.datasets import read_articles, read_gold_set
from eval.restore import measure_restore
from ingest.archive import Archive, format_archive, open_archive, parse_archive, write_archive
from ingest.indexer import Indexer, IndexResult
from rag.answering.assistant import Assistant
from rag.errors import InputError, ReadError, StoreError
from rag.retrieval.calibration import load_calibration
from rag.retrieval.retriever import HybridRetriever
from rag.settings import load_settings
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
from rag.types import Article, Heading, PageMap, Span
from tests.doubles import WordEncoder, article, local_client, lose_articles, served
from tests.forked import start_forked
from tests.test_cli import dalil
from tests.test_service import error
from ui.api import AnswerService, create_app

ROOT = Path(__file__).parent.parent
CONFIG = IndexConfig("words", 64, 64, 64, 64)
MAX_CHARS = 100_000
OPTIONAL = ("pages", "ocr", "headings", "health", "original")
ODD = "سطر\u2028فاصل\x85\tنص ﷺ 😀 \u0000 \\ \" ' {}\r\nنهاية\n"
PAGES = PageMap((0, 6, 6, 20), ("i", "ii", "1", "2"))
ARTICLES = [
    article("النحلة تصنع العسل.", "bees", url="https://example.org/ص", date="2024-05", topic="حيوان"),
    replace(article("البحر الميت أخفض بقعة.", "بحر/ميت"), source="upload:sea", revision="another"),
    article(ODD, "odd", title=""),
    article(
        "الصفحة الأولى ثم الأخيرة.",
        "a.pdf",
        pages=PAGES,
        ocr=(Span(0, 6), Span(20, 25)),
        headings=(Heading(0, 6, 1),),
        health="mixed",
    ),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(EdgeEngine(tmp_path / "index"), CONFIG)
    yield opened
    opened.close()


def make_indexer(store: Store) -> Indexer:
    return Indexer(store, WordEncoder, CONFIG.chunk_tokens)


def format_bytes(articles: list[Article]) -> bytes:
    return "".join(format_archive(articles)).encode()


def read(content: bytes, max_chars: int = MAX_CHARS) -> list[Article]:
    return list(Archive(io.BufferedReader(io.BytesIO(content)), "it", max_chars))


def make_long(name: str) -> Article:
    """An article of 80 kB and few words."""
    return article("\n".join(f"{'س' * 99} {at}." for at in range(400)), name)


# The format


def test_an_archive_is_a_header_each_article_a_line_and_their_number():
    lines = [json.loads(line) for line in format_archive(ARTICLES)]
    pages = {"starts": [0, 6, 6, 20], "labels": ["i", "ii", "1", "2"]}
    assert lines == [
        {"format": "dalil-articles", "version": 2, "dalil": version("dalil")},
        *({name: value for name, value in asdict(one).items() if name not in OPTIONAL} for one in ARTICLES[:-1]),
        {name: value for name, value in asdict(ARTICLES[-1]).items() if name != "original"}
        | {
            "pages": pages,
            "ocr": [[0, 6], [20, 25]],
            "headings": [{"start": 0, "end": 6, "level": 1}],
            "health": "mixed",
        },
        {"articles": 4},
    ]


def test_an_archive_of_a_version_without_pages_is_read():
    assert read(format_bytes(ARTICLES).replace(b'"version": 2', b'"version": 1')) == ARTICLES


@pytest.mark.parametrize("articles", [[], ARTICLES], ids=len)
def test_what_was_written_is_read_again_to_the_letter_compressed_or_not(tmp_path, articles):
    name = str(tmp_path / "backup.jsonl.gz")
    assert write_archive(articles, name) == len(articles)
    with open_archive(name, MAX_CHARS) as archive:
        assert (archive.count(), list(archive), list(archive)) == (len(articles), articles, articles)
    assert read(gzip.decompress(Path(name).read_bytes())) == articles


def test_the_same_articles_are_the_same_bytes(tmp_path):
    files = [tmp_path / "one.gz", tmp_path / "other.gz"]
    for file in files:
        write_archive(ARTICLES, str(file))
        time.sleep(0.01)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_an_archive_that_is_cut_off_anywhere_is_refused():
    whole = format_bytes(ARTICLES)
    compressed = gzip.compress(whole)
    assert read(whole[:-1]) == ARTICLES  # but for the last line end
    for content in (whole[:-1], compressed):
        for end in range(len(content)):
            with pytest.raises(ReadError, match=r"^it (is|holds)"):
                read(content[:end])


def change_line(number: int, **fields: object) -> bytes:
    lines = [json.loads(line) for line in format_archive(ARTICLES)]
    lines[number] = {name: value for name, value in (lines[number] | fields).items() if value != "gone"}
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no archive"),
        (b"# A Markdown file\n", "is no archive"),
        (b'{"id": "a", "text": "JSON lines of articles"}\n', "is no archive"),
        (b"\x1f\x8b\x08 no gzip after all", "cannot be read"),
        (change_line(0, format="other"), "is no archive"),
        (change_line(0, version=4, dalil="9.9"), "by Dalil 9.9 in version 4 .* update"),
        (change_line(1, text=5), "line 2: text: .*string"),
        (change_line(2, language="fr"), "line 3: language"),
        (change_line(2, id=""), "line 3: id"),
        (change_line(2, revision="gone"), "line 3: revision"),
        (change_line(3, later="field"), "line 4: later"),
        (change_line(1, text="\ud800"), "line 2: it: .*hex escape"),
        (change_line(4, pages={"starts": [0, 9, 4]}), "line 5: pages: .*not in order"),
        (change_line(4, pages={"starts": [0, 9], "labels": ["i"]}), "line 5: pages: .*as many labels"),
        (change_line(4, headings=[{"start": 9, "end": 3, "level": 1}]), "line 5: headings: .*not in order"),
        (change_line(4, headings=[{"start": 0, "end": 3, "level": 7}]), "line 5: headings: .*level"),
        (change_line(5, articles=2), "4 articles stand in it, and its end says 2"),
        (format_bytes(ARTICLES) * 2, "goes on behind its end"),
        (format_bytes(ARTICLES).replace(b'"id"', b"id", 1), "is damaged in line 2"),
        (format_bytes([article("س" * 2000, "long")]), "1,000 characters in line 2: raise DALIL_MAX_ARTICLE_CHARS"),
        (format_bytes([article("س" * 99_000, "huge")]), "1,000 characters in line 2: raise DALIL_MAX_ARTICLE_CHARS"),
    ],
)
def test_what_is_no_whole_archive_is_refused_with_the_line(content, says):
    with pytest.raises(ReadError, match=f"^it .*{says}"):
        read(content, 1000)


def test_lines_of_other_lengths_than_those_of_a_file_make_the_same_articles():
    assert list(parse_archive(io.BytesIO(format_bytes(ARTICLES)), MAX_CHARS)) == ARTICLES


def test_a_file_takes_the_place_of_an_earlier_one_only_when_it_is_whole(tmp_path):
    file = tmp_path / "backup.gz"
    write_archive(ARTICLES[:1], str(file))

    def fail_midway() -> Iterator[Article]:
        yield ARTICLES[1]
        raise ReadError("on the way")

    with pytest.raises(ReadError):
        write_archive(fail_midway(), str(file))
    with open_archive(str(file), MAX_CHARS) as archive:
        assert list(archive) == ARTICLES[:1]
    assert os.listdir(tmp_path) == ["backup.gz"]


@pytest.mark.parametrize("name", ["missing/backup.gz", "."])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read"), open_archive(str(tmp_path / name), MAX_CHARS):
        pass
    with pytest.raises(InputError, match="cannot be written"):
        write_archive(ARTICLES, str(tmp_path / name))


# Out of the index and into it


def test_articles_are_read_the_one_written_first_first(store):
    many = [article(f"المقالة رقم {at}.", f"a{at}") for at in range(40)]
    make_indexer(store).index(many)
    edited = replace(many[3], text="نص آخر.", revision="2")
    make_indexer(store).index([edited])
    make_indexer(store).remove(["a5"])
    expected = [one for one in many if one.id not in ("a3", "a5")] + [edited]
    reading = store.read_articles()
    assert next(reading) == expected[0]
    store.remove(["a39"])  # an article that goes while others are read is left out
    assert list(reading) == [*expected[1:-2], edited]


def test_an_import_keeps_everything_and_changes_nothing_twice(tmp_path, store):
    content = format_bytes(ARTICLES)
    assert make_indexer(store).index(read(content)) == IndexResult(added=["bees", "بحر/ميت", "odd", "a.pdf"])
    assert list(store.read_articles()) == ARTICLES
    assert make_indexer(store).index(read(content)) == IndexResult(unchanged=["bees", "بحر/ميت", "odd", "a.pdf"])
    assert format_bytes(list(store.read_articles())) == content


def test_an_import_that_was_interrupted_is_finished_by_the_next(store):
    long = [replace(make_long(name), text=make_long(name).text * 2) for name in "012"]  # each a batch of its own
    archive = read(format_bytes(long))

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_indexer(store).index(archive, stop)
    result = make_indexer(store).index(archive)
    assert (result.added, result.unchanged) == (["2"], ["0", "1"])
    assert list(store.read_articles()) == long


# Over HTTP


@contextmanager
def serve(store: Store, folder: Path, **settings: object) -> Iterator[tuple[TestClient, AnswerService]]:
    encoder = WordEncoder()
    retriever = HybridRetriever(store, encoder, load_calibration())
    known = load_settings({}, data_dir=folder, chunk_tokens=64, **settings)
    service = AnswerService(Assistant(known, store, encoder, retriever, None))
    yield local_client(create_app(service), raise_server_exceptions=False), service


LINES = {"Content-Type": "application/jsonl"}


def test_a_service_exports_and_imports_the_same_lines(tmp_path, store):
    content = format_bytes(ARTICLES)
    with serve(store, tmp_path) as (client, _):
        for status, outcome in ((201, "added"), (200, "unchanged")):
            answer = client.post("/v1/import", content=content, headers=LINES)
            assert (answer.status_code, answer.json()[outcome]) == (status, ["bees", "بحر/ميت", "odd", "a.pdf"])
        exported = client.get("/v1/export")
    assert exported.headers["content-type"] == "application/jsonl"
    assert exported.content == content


@pytest.mark.parametrize(
    "content", [b"", b"{}", format_bytes(ARTICLES)[:-20], format_bytes(ARTICLES)[:-20] + b"\n" * 300_000]
)
def test_a_body_that_is_no_whole_archive_is_422_and_leaves_nothing(tmp_path, store, content):
    with serve(store, tmp_path) as (client, _):
        problem = error(client.post("/v1/import", content=content, headers=LINES), 422)
    assert problem["code"] == "unreadable_article"
    assert "Nothing was imported" in problem["message"]
    assert store.count_articles() == 0


def test_a_long_import_is_a_job(tmp_path, store):
    long = [make_long(name) for name in "0123"]
    with serve(store, tmp_path) as (client, _):
        job = client.post("/v1/import", content=format_bytes(long), headers=LINES)
        assert job.status_code == 202
        while (body := client.get(f"/v1/jobs/{job.json()['id']}").json())["status"] == "running":
            time.sleep(0.05)
    assert (body["status"], body["added"]) == ("done", ["0", "1", "2", "3"])
    assert list(store.read_articles()) == long


def test_an_index_that_cannot_be_read_is_no_export(tmp_path):
    store = Store(EdgeEngine(tmp_path / "index"), CONFIG)
    store.close()
    with serve(store, tmp_path) as (client, _):
        error(client.get("/v1/export"), 503)


def test_an_export_has_every_article_whole_while_they_are_written(tmp_path, store):
    def make_edition(edition: int) -> list[Article]:
        return [replace(article(f"الطبعة {edition}. " * 200, f"a{at}"), revision=str(edition)) for at in range(20)]

    with serve(store, tmp_path) as (client, service):
        service.indexer.index(make_edition(0))
        writing = Thread(target=lambda: [service.indexer.index(make_edition(edition)) for edition in range(1, 5)])
        writing.start()
        exports = []
        while writing.is_alive():
            exports.append(read(client.get("/v1/export").content))
        writing.join()
    assert len(exports) > 3
    for exported in exports:
        assert {one.id for one in exported} == {f"a{at}" for at in range(20)}
        assert all(one.text == f"الطبعة {one.revision}. " * 200 for one in exported)


# By the command line


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "articles").mkdir()
    for name in ("socotra", "hejaz-railway"):
        shutil.copy(ROOT / "articles" / f"{name}.md", folder / "articles")
    assert dalil(folder, "ingest", "articles").returncode == 0
    return folder


def test_export_and_import_by_the_command_line(home, tmp_path):
    file = tmp_path / "backup.jsonl.gz"
    exported = dalil(home, "export", str(file), "--json")
    assert (exported.returncode, json.loads(exported.stdout)) == (0, {"articles": 2, "file": str(file)})
    for outcome in ("added", "unchanged"):
        imported = dalil(tmp_path, "import", str(file), "--json")
        assert (imported.returncode, json.loads(imported.stdout)[outcome]) == (0, 2)
    again = tmp_path / "again.gz"
    dalil(tmp_path, "export", str(again))
    assert again.read_bytes() == file.read_bytes()


def test_a_file_that_is_cut_off_is_refused_before_anything_is_written(home, tmp_path):
    file = tmp_path / "backup.jsonl.gz"
    dalil(home, "export", str(file))
    file.write_bytes(file.read_bytes()[:-20])
    refused = dalil(tmp_path, "import", str(file))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "backup.jsonl.gz is cut off. Nothing was imported." in refused.stderr
    assert json.loads(dalil(tmp_path, "status", "--json").stdout)["articles"] == 0


def test_an_archive_goes_through_a_pipe(home, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = f"{sys.executable} -m ui.cli"
    pipe = f"DALIL_DATA_DIR={home / 'data'} {command} export - | DALIL_DATA_DIR={tmp_path / 'data'} {command} import -"
    ran = subprocess.run(pipe, shell=True, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert ran.stdout == "2 added, 0 changed, 0 unchanged, 0 removed, 0 failed\n"


def test_what_is_left_of_a_damaged_index_is_exported_and_said_to_be_less(home, tmp_path):
    subprocess.run(["cp", "-r", "--sparse=always", home / "data", tmp_path / "data"], check=True)
    lose_articles(tmp_path / "data", "socotra")
    file = tmp_path / "left.gz"
    exported = dalil(tmp_path, "export", str(file))
    assert exported.returncode == 1
    assert exported.stdout.startswith("1 articles in")
    assert "1 of 2 articles" in exported.stderr
    shutil.move(tmp_path / "data", tmp_path / "away")
    assert dalil(tmp_path, "import", str(file)).stdout.startswith("1 added")


def test_a_running_service_exports_and_imports(tmp_path, store):
    make_indexer(store).index(ARTICLES)
    long = [make_long(name) for name in "012"]
    key = {"DALIL_API_KEYS": "secret"}
    file, added = tmp_path / "backup.gz", tmp_path / "added.gz"
    write_archive([*ARTICLES, *long], str(added))
    with (
        serve(store, tmp_path, api_keys="secret", requests_per_minute=600) as (_, service),
        served(create_app(service)) as url,
    ):
        exported = dalil(tmp_path, "export", str(file), "--server", url, **key)
        assert (exported.returncode, exported.stderr) == (0, "")
        imported = dalil(tmp_path, "import", str(added), "--server", url, "--json", **key)
        refused = [dalil(tmp_path, command, str(file), "--server", url) for command in ("export", "import")]
    with open_archive(str(file), MAX_CHARS) as archive:
        assert list(archive) == ARTICLES
    counts = json.loads(imported.stdout)
    assert (counts["added"], counts["unchanged"], counts["failed"]) == (3, 4, [])
    assert list(store.read_articles()) == [*ARTICLES, *long]
    for one in refused:
        assert one.returncode == 1
        assert "DALIL_API_KEYS" in one.stderr
    assert not (tmp_path / "data").exists()  # nothing was done here


def test_an_article_that_a_service_does_not_take_keeps_no_other_back(tmp_path, store):
    file = tmp_path / "backup.gz"
    write_archive([article("س" * 120_000, "large"), *ARTICLES], str(file))
    with serve(store, tmp_path, max_body_bytes=100_000) as (_, service), served(create_app(service)) as url:
        imported = dalil(tmp_path, "import", str(file), "--server", url, "--json")
    counts = json.loads(imported.stdout)
    assert (imported.returncode, counts["added"], [one["path"] for one in counts["failed"]]) == (1, 4, ["large"])
    assert "too large" in counts["failed"][0]["reason"]


class StoppingStore:
    """A store of which the articles behind the first thirty cannot be read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def read_articles(self) -> Iterator[Article]:
        yield from islice(self._store.read_articles(), 30)
        raise StoreError("The index cannot be used.")


def test_a_service_that_stops_in_the_middle_leaves_the_earlier_file(tmp_path, store):
    file = tmp_path / "backup.gz"
    write_archive(ARTICLES[:1], str(file))
    make_indexer(store).index([article(f"المقالة {at}. " * 50, str(at)) for at in range(40)])
    with serve(StoppingStore(store), tmp_path) as (_, service), served(create_app(service)) as url:
        refused = dalil(tmp_path, "export", str(file), "--server", url)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Nothing was written" in refused.stderr
    with open_archive(str(file), MAX_CHARS) as archive:
        assert list(archive) == ARTICLES[:1]


# The promise


@pytest.mark.parametrize("start", [None, start_forked], ids=["here", "services"])
def test_answers_and_scores_are_the_same_after_a_restore(start, assistant):
    articles = read_articles(ROOT / "articles", 10**6)[:2]
    questions = [one.text for one in read_gold_set() if one.article_id in {one.id for one in articles}][:6]
    counted = measure_restore(assistant, articles, questions, start)
    assert (counted.pop("articles"), counted.pop("questions")) == (2, 6)
    assert set(counted.values()) == {0}
