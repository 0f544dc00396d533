"""Files that have not changed are known by a hash, and everything else is read."""

import json
from pathlib import Path

import pytest

from ingest.indexer import Indexer, IndexResult
from ingest.known_files import FileEnd, KnownFile, KnownFiles, hash_file, read_marked_file
from rag.errors import InputError
from rag.store import FileMark, Store
from tests.doubles import WordEncoder
from tests.test_sync import MAX_CHARS, engine, fill, folder, make_sync, open_no_encoder, plan_sync, run_sync, store

__all__ = ["engine", "folder", "store"]

LINES = [{"text": "النخلة شجرة مثمرة."}, {"text": "الصقر طائر جارح."}, {"text": "الجمل سفينة الصحراء."}]


def as_lines(lines) -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def find_known(store: Store, folder: Path) -> list[str]:
    """The names of the files that would not be read."""
    known = KnownFiles(store, MAX_CHARS)
    return [file.name for file in sorted(folder.iterdir()) if known.find(file, folder) is not None]


def test_a_file_that_was_taken_in_is_known_as_long_as_its_bytes_are_the_same(store, folder):
    assert find_known(store, folder) == []
    run_sync(store, folder)
    assert find_known(store, folder) == ["bees.txt", "sea.md"]
    fill(folder, {"bees.txt": "النحلة تصنع الشمع."})
    assert find_known(store, folder) == ["sea.md"]
    assert run_sync(store, folder) == IndexResult(changed=["bees"], unchanged=["sea"])
    assert find_known(store, folder) == ["bees.txt", "sea.md"]


def test_a_known_file_is_unchanged_with_all_its_articles_in_their_order(store, folder):
    fill(folder, {"many.jsonl": as_lines(LINES)})
    run_sync(store, folder)
    assert find_known(store, folder) == ["bees.txt", "many.jsonl", "sea.md"]
    result = run_sync(store, folder, remove_missing=True, open_encoder=open_no_encoder)
    assert result == IndexResult(unchanged=["bees", "many:1", "many:2", "many:3", "sea"])


def test_a_file_of_which_an_article_was_removed_or_cut_is_read_again(engine, store, folder):
    fill(folder, {"many.jsonl": as_lines(LINES)})
    run_sync(store, folder)
    store.remove(["many:2"])
    assert "many.jsonl" not in find_known(store, folder)
    assert run_sync(store, folder).added == ["many:2"]
    [lost, *_] = [one.id for one in engine.scroll("chunks", ["article_id"]) if one.payload["article_id"] == "sea"]
    engine.delete("chunks", [lost])
    assert find_known(store, folder) == ["bees.txt", "many.jsonl"]


def test_a_title_that_was_given_stays_while_the_file_says_the_same(store, folder):
    run_sync(store, folder)
    indexer = Indexer(store, WordEncoder, store.config.chunk_tokens)
    assert indexer.rename("bees", "  شغالات \n العسل ").title == "شغالات العسل"
    assert find_known(store, folder) == ["bees.txt", "sea.md"]
    assert run_sync(store, folder, open_encoder=open_no_encoder).to_write == 0
    assert indexer.plan(read_marked_file(folder / "bees.txt", folder, MAX_CHARS)).unchanged == ["bees"]
    assert store.get_article("bees").title == "شغالات العسل"
    assert store.find_incomplete() == set()
    fill(folder, {"bees.txt": "النحلة تصنع الشمع."})
    assert run_sync(store, folder).changed == ["bees"]
    assert store.get_article("bees").title == "النحلة تصنع الشمع."


@pytest.mark.parametrize("title", ["", " \n ", "ع" * 301])
def test_a_title_of_no_words_or_too_many_is_refused(store, folder, title):
    run_sync(store, folder)
    with pytest.raises(InputError, match="300"):
        Indexer(store, WordEncoder, store.config.chunk_tokens).rename("bees", title)


def test_other_settings_or_another_way_of_reading_make_another_hash(folder):
    file = folder / "bees.txt"
    assert hash_file(file, 1000) == hash_file(file, 1000) != hash_file(file, 1001)
    assert hash_file(folder / "gone.txt", 1000) == ""


def test_a_mark_of_another_way_of_reading_or_of_another_revision_is_none(store, folder):
    run_sync(store, folder)
    summary = store.summarize_articles()["bees"]
    for mark in (summary.mark._replace(digest="0" * 32), summary.mark._replace(revision="0" * 24)):
        store.mark_articles({"bees": mark})
        assert find_known(store, folder) == ["sea.md"]
    store.mark_articles({"bees": summary.mark, "gone": FileMark("", "", 0, 1)})
    assert find_known(store, folder) == ["bees.txt", "sea.md"]
    assert store.summarize_articles().keys() == {"bees", "sea"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("damaged.txt", "النحل يطير ".encode() + b"\xff\xfe" + " بين الزهور في الحقول.".encode()),
        ("two.jsonl", '{"text": "نص"}\nno JSON\n'.encode()),
    ],
    ids=["warning", "failure"],
)
def test_what_is_told_of_a_file_is_told_every_time(store, folder, name, content):
    fill(folder, {name: content})
    first, second = run_sync(store, folder), run_sync(store, folder)
    assert find_known(store, folder) == ["bees.txt", "sea.md"]
    assert (first.failed, first.warnings) == (second.failed, second.warnings) != ([], [])


def test_a_copy_is_told_every_time_and_the_file_that_it_is_of_is_known(store, tmp_path):
    one, other = (fill(tmp_path / name, {"a.md": "# النحل\n\nالنحلة تصنع العسل."}) for name in ("x", "y"))
    first, second = run_sync(store, one, other), run_sync(store, one, other)
    assert [warning.reason for warning in first.warnings] == [warning.reason for warning in second.warnings] != []
    assert find_known(store, one) == ["a.md"]
    assert second.unchanged[:1] == ["a"]


def test_an_index_of_an_earlier_version_is_marked_by_the_first_run(store, folder):
    run_sync(store, folder)
    for article in [*store.get_articles(["bees", "sea"]).values()]:
        store.mark_articles({article.id: FileMark("", "", 0, 1)})
    assert find_known(store, folder) == []
    result = make_sync(store, open_no_encoder).ingest([folder], lambda progress: None)
    assert result == IndexResult(unchanged=["bees", "sea"])
    assert find_known(store, folder) == ["bees.txt", "sea.md"]


def test_a_file_whose_id_another_file_of_the_run_has_is_read_and_refused_as_before(store, tmp_path):
    later = fill(tmp_path / "b", {"x.jsonl": '{"id": "one", "text": "النحلة تصنع العسل."}\n'})
    run_sync(store, later)
    earlier = fill(tmp_path / "a", {"x.jsonl": '{"id": "one", "text": "النحلة تصنع العسل."}\n'})
    result = plan_sync(store, earlier, later)
    assert result.unchanged == ["one"]
    assert "already taken" in result.failed[0].reason


def test_a_file_that_changes_while_it_is_read_has_no_end(folder):
    file = folder / "many.jsonl"
    file.write_text(as_lines(LINES), "utf-8")
    reading = read_marked_file(file, folder, MAX_CHARS)
    next(reading)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(as_lines([{"text": "الضب زاحف صحراوي."}]))
    assert not any(isinstance(one, FileEnd | KnownFile) for one in reading)
    assert isinstance([*read_marked_file(file, folder, MAX_CHARS)][-1], FileEnd)
