"""The files that articles were read from: kept once, with their articles, and never without."""

import os
import pickle
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from ingest.archive import format_archive, parse_archive
from ingest.indexer import Indexer
from ingest.originals import Originals
from ingest.readers import OriginalFile
from ingest.sync import Sync
from rag.errors import EmbeddingError, ReadError, StoreError
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
from tests.doubles import WordEncoder, article
from tests.pdf_files import make_pdf
from tests.test_pdf import FIRST, SECOND, arabic, read

CONFIG = IndexConfig("words", 64, 64, 64, 64)
FILE, OTHER_FILE = make_pdf([[arabic(700, FIRST)]]), make_pdf([[arabic(700, SECOND)]])
DAY_S = 86_400


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(EdgeEngine(tmp_path / "data"), CONFIG)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "originals"


@pytest.fixture
def indexer(store, folder) -> Indexer:
    return make_indexer(store, folder)


def make_indexer(store: Store, folder: Path, keeps_new: bool = True, encoder=WordEncoder) -> Indexer:
    return Indexer(store, encoder, CONFIG.chunk_tokens, Originals(folder, keeps_new))


def open_no_encoder() -> WordEncoder:
    raise EmbeddingError("The model cannot be loaded.")


@cache
def read_once(content: bytes):
    return read(content)


def pdf(article_id: str = "a", content: bytes = FILE):
    return replace(read_once(content), id=article_id)


def contents(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.glob("*"))


def make_older(folder: Path) -> None:
    for path in folder.glob("*"):
        os.utime(path, (time.time() - DAY_S,) * 2)


def test_a_reader_gives_the_file_on_and_the_index_keeps_its_hash_alone(indexer, store, folder):
    found = pdf()
    assert found.original.content == FILE
    assert pickle.loads(pickle.dumps(found)).original.content == FILE  # from one process to another
    indexer.index([found])
    stored = store.get_article("a")
    assert (stored.original, type(stored.original)) == (found.original, str)
    assert Originals(folder).find(stored.original).read_bytes() == FILE
    assert store.summarize_articles()["a"].original == found.original


def test_a_plan_keeps_no_file(indexer, folder):
    assert indexer.plan([pdf()]).added == ["a"]
    assert not folder.exists()


def test_a_file_that_comes_twice_is_kept_once_and_goes_with_the_last_article(indexer, folder):
    indexer.index([pdf("a"), pdf("b")])
    assert contents(folder) == [FILE]
    assert indexer.index([pdf("a")]).unchanged == ["a"]
    indexer.remove(["a"])
    assert contents(folder) == [FILE]
    indexer.remove(["b"])
    assert contents(folder) == []


def test_another_file_takes_the_place_of_the_one_before(indexer, folder):
    indexer.index([pdf("a")])
    indexer.index([pdf("a", OTHER_FILE)])
    assert contents(folder) == [OTHER_FILE]
    same_words = FILE + b"% saved again\n"
    indexer.index([pdf("a", FILE)])
    assert indexer.index([pdf("a", same_words)]).changed == ["a"]
    assert contents(folder) == [same_words]


def test_an_article_that_was_kept_without_its_file_gets_it(store, folder):
    make_indexer(store, folder, keeps_new=False).index([pdf()])
    assert (store.get_article("a").original, folder.exists()) == (None, False)
    assert make_indexer(store, folder).index([pdf()]).changed == ["a"]
    assert contents(folder) == [FILE]
    assert make_indexer(store, folder, keeps_new=False).index([pdf()]).unchanged == ["a"]
    assert contents(folder) == [FILE]


def test_a_file_that_was_lost_is_kept_again_and_nothing_is_embedded_for_it(indexer, store, folder):
    indexer.index([pdf()])
    (lost,) = folder.glob("*")
    lost.unlink()
    stored = store.get_article("a")
    assert indexer.plan([stored]).unchanged == ["a"]  # as an archive has it, without its file
    assert indexer.plan([pdf()]).changed == ["a"]
    assert not lost.exists()
    make_indexer(store, folder, encoder=open_no_encoder).index([pdf()])
    assert contents(folder) == [FILE]


def test_a_removal_that_is_undone_has_its_file_again(indexer, store, folder):
    indexer.index([pdf()])
    removed = store.get_article("a")
    indexer.remove(["a"], holds_originals=True)
    indexer.restore(removed)
    assert store.get_article("a") == removed
    indexer.forget_original(removed.original)  # as it is an article's again, it stays
    assert contents(folder) == [FILE]
    indexer.remove(["a"], holds_originals=True)
    indexer.forget_original(removed.original)
    assert contents(folder) == []


def test_what_a_broken_ingest_leaves_is_swept_later_and_nothing_else(store, folder, tmp_path):
    with pytest.raises(EmbeddingError):
        make_indexer(store, folder, encoder=open_no_encoder).index([pdf()])
    (folder / "0123.part").write_bytes(b"%PDF-1.4 half")
    (folder / "notes.txt").write_text("not ours")
    indexer = make_indexer(store, folder)
    indexer.delete_orphaned_originals()
    assert FILE in contents(folder)  # it may be of an article that is being written
    make_older(folder)
    indexer.index([pdf("b", OTHER_FILE)])
    make_older(folder)
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "x.txt").write_text("نص آخر.", "utf-8")
    sync = Sync(store, indexer, 10_000)
    sync.ingest([tmp_path / "articles"], lambda progress: None)
    assert contents(folder) == sorted([OTHER_FILE, b"not ours"])


def test_a_file_that_is_refused_leaves_nothing(indexer, folder):
    first = replace(article("نص أول.", "a"), source="upload:x.md")
    indexer.index([first])
    result = indexer.index([replace(pdf(), id="a", source="/y/a.pdf")])
    assert len(result.failed) == 1
    assert contents(folder) == []


def test_a_folder_that_cannot_be_written_says_so_and_what_helps(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="DALIL_KEEP_ORIGINALS=false"):
        make_indexer(store, tmp_path / "file").index([pdf()])
    assert store.count_articles() == 0


def test_an_archive_names_the_file_and_nothing_beside_it(tmp_path):
    named = replace(pdf(), original=str(OriginalFile(FILE)))
    lines = list(format_archive([named]))
    assert list(parse_archive((line.encode() for line in lines), 10_000)) == [named]
    wrong = [line.replace(named.original, "../../../etc/passwd") for line in lines]
    with pytest.raises(ReadError, match="original"):
        list(parse_archive((line.encode() for line in wrong), 10_000))
    assert Originals(tmp_path).find("../" + tmp_path.name) is None
