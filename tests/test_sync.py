import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest import known_files
from ingest.chunker import chunk_article
from ingest.indexer import Indexer, IndexResult
from ingest.readers import read_file
from ingest.sync import Sync
from rag.embedding.bm25 import lexical_vector
from rag.errors import EmbeddingError, InputError
from rag.language.document import Document
from rag.store import SearchQuery, Store
from rag.store.qdrant_edge import EdgeEngine
from tests.doubles import WordEncoder, count_calls
from tests.killed_ingest import CONFIG, ingest

BEES = "النحلة تصنع العسل.\nويعيش النحل في خلايا."
SEA = "البحر الميت أخفض بقعة على اليابسة.\nيصب فيه نهر الأردن."
MAX_CHARS = 100_000


@pytest.fixture
def engine(tmp_path: Path) -> EdgeEngine:
    return EdgeEngine(tmp_path / "index")


@pytest.fixture
def store(engine: EdgeEngine) -> Iterator[Store]:
    opened = Store(engine, CONFIG)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path / "articles", {"bees.txt": BEES, "sea.md": f"# البحر الميت\n\n{SEA}"})


def fill(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def make_sync(store: Store, open_encoder: Callable[[], WordEncoder] = WordEncoder) -> Sync:
    return Sync(store, Indexer(store, open_encoder, CONFIG.chunk_tokens), MAX_CHARS)


def plan_sync(store: Store, *paths: Path, remove_missing: bool = False) -> IndexResult:
    return make_sync(store, open_no_encoder).plan(paths, remove_missing)


def run_sync(
    store: Store,
    *paths: Path,
    remove_missing: bool = False,
    open_encoder: Callable[[], WordEncoder] = WordEncoder,
) -> IndexResult:
    """What was done, which is what was planned."""
    plan = make_sync(store, open_no_encoder).plan(paths, remove_missing)
    done = make_sync(store, open_encoder).ingest(paths, lambda progress: None, remove_missing=remove_missing)
    assert done == plan
    return done


def read_points(engine: EdgeEngine) -> dict[str, dict[str, object]]:
    """Every point of the index by id, with what is stored of it."""
    fields = {"articles": ["id", "text", "revision", "spans", "source"], "chunks": ["article_id", "revision", "span"]}
    return {point.id: point.payload for name in fields for point in engine.scroll(name, fields[name])}


def open_no_encoder() -> WordEncoder:
    raise AssertionError("nothing was to be embedded")


# The same files, other files


def test_files_become_articles_of_the_index(store, folder):
    plan = run_sync(store, folder)
    assert plan == IndexResult(added=["bees", "sea"])
    assert store.get_article("bees").text == BEES
    assert store.get_article("sea").title == "البحر الميت"
    assert {summary.source for summary in store.summarize_articles().values()} == {
        str(folder / "bees.txt"),
        str(folder / "sea.md"),
    }
    assert store.count_chunks() == sum(summary.chunks for summary in store.summarize_articles().values()) >= 2


def test_the_same_files_twice_change_nothing_and_embed_nothing(engine, store, folder):
    run_sync(store, folder)
    before = read_points(engine)
    plan = run_sync(store, folder, remove_missing=True, open_encoder=open_no_encoder)
    assert plan == IndexResult(unchanged=["bees", "sea"])
    assert read_points(engine) == before


def test_a_file_written_again_with_the_same_words_is_unchanged(store, folder):
    run_sync(store, folder)
    (folder / "bees.txt").write_text(BEES + "\r\n\r\n")
    os.utime(folder / "sea.md", (0, 0))
    assert plan_sync(store, folder) == IndexResult(unchanged=["bees", "sea"])


def test_the_order_of_files_and_lines_does_not_matter(engine, store, folder):
    lines = ['{"id": "one", "text": "الأول هنا"}\n', '{"id": "two", "text": "الثاني هنا"}\n']
    fill(folder, {"lines.jsonl": "".join(lines)})
    run_sync(store, folder / "bees.txt", folder / "lines.jsonl")
    before = read_points(engine)
    fill(folder, {"lines.jsonl": "".join(reversed(lines))})
    plan = run_sync(
        store, folder / "lines.jsonl", folder / "bees.txt", remove_missing=True, open_encoder=open_no_encoder
    )
    assert plan == IndexResult(unchanged=["two", "one", "bees"])
    assert read_points(engine) == before


def test_an_edited_article_replaces_its_chunks(engine, store, folder):
    run_sync(store, folder)
    fill(folder, {"bees.txt": "النمل يحفر بيوته في الأرض."})
    plan = run_sync(store, folder)
    assert plan == IndexResult(changed=["bees"], unchanged=["sea"])
    assert store.get_article("bees").text == "النمل يحفر بيوته في الأرض."
    check_whole(engine, store)
    assert find_articles(store, "العسل") == set()
    assert find_articles(store, "النمل") == {"bees"}


def find_articles(store: Store, question: str) -> set[str]:
    """Ids of the articles of which a chunk shares a word with `question`."""
    query = SearchQuery(WordEncoder().embed_query(question), lexical_vector(Document(question)))
    return {one.article_id for one in store.find_candidates(query, 50, 50) if one.scores.lexical > 0}


@pytest.mark.parametrize("line", ["title: عسل", "url: https://example.org", "date: 2024-05-01", "topic: حيوان"])
def test_an_edit_of_the_front_matter_is_a_change(store, folder, line):
    run_sync(store, folder)
    fill(folder, {"sea.md": f"---\n{line}\n---\n# البحر الميت\n\n{SEA}"})
    assert plan_sync(store, folder) == IndexResult(changed=["sea"], unchanged=["bees"])


def test_ids_are_paths_below_the_folder_named(store, folder):
    fill(folder, {"طبيعة/نبات/نخل.md": "النخلة شجرة.", ".hidden/x.md": "خفي", "طبيعة/.y.md": "خفي", "z.xyz": "%PDF"})
    assert plan_sync(store, folder).added == ["bees", "sea", "طبيعة/نبات/نخل"]
    assert plan_sync(store, folder / "طبيعة").added == ["نبات/نخل"]
    assert plan_sync(store, folder / "طبيعة" / "نبات" / "نخل.md").added == ["نخل"]


def test_each_file_is_read_once_and_what_is_missing_removed(store, folder, monkeypatch):
    run_sync(store, folder)
    fill(folder, {"bees.txt": "نص آخر هنا.", "new.txt": "نص جديد."})
    (folder / "sea.md").unlink()
    with count_calls(known_files, "read_file") as calls:
        done = make_sync(store).ingest([folder], lambda progress: None, remove_missing=True)
    assert done == IndexResult(added=["new"], changed=["bees"], removed=["sea"])
    assert sorted(file.name for file, *_ in calls) == ["bees.txt", "new.txt"]


def test_a_plan_alone_writes_nothing(engine, store, folder):
    run_sync(store, folder)
    before = read_points(engine)
    fill(folder, {"bees.txt": "نص آخر هنا.", "new.txt": "نص جديد."})
    (folder / "sea.md").unlink()
    plan = plan_sync(store, folder, remove_missing=True)
    assert plan == IndexResult(added=["new"], changed=["bees"], removed=["sea"])
    assert read_points(engine) == before


# Removing


def test_a_missing_file_loses_its_article_only_when_asked_for(engine, store, folder):
    run_sync(store, folder)
    (folder / "bees.txt").unlink()
    assert run_sync(store, folder, open_encoder=open_no_encoder) == IndexResult(unchanged=["sea"])
    assert store.summarize_articles().keys() == {"bees", "sea"}
    plan = run_sync(store, folder, remove_missing=True, open_encoder=open_no_encoder)
    assert plan == IndexResult(unchanged=["sea"], removed=["bees"])
    assert store.summarize_articles().keys() == {"sea"}
    assert store.count_chunks() == store.summarize_articles()["sea"].chunks
    check_whole(engine, store)


def test_a_renamed_file_is_the_same_article(store, folder):
    run_sync(store, folder)
    (folder / "bees.txt").rename(folder / "نحل.txt")
    plan = run_sync(store, folder, remove_missing=True)
    assert plan == IndexResult(changed=["bees"], unchanged=["sea"])
    assert store.get_article("bees").source == str(folder / "نحل.txt")


@pytest.mark.parametrize(
    "broken",
    [b"", b"\x00\x01", "Всякий человек".encode("cp1251"), b"# \n\n***\n", b"x" * 5 * MAX_CHARS],
    ids=["empty", "binary", "cp1251", "marks", "long"],
)
def test_a_file_that_cannot_be_read_today_keeps_its_article(store, folder, broken):
    fill(folder, {"ants.md": "النمل يحفر بيوته."})
    run_sync(store, folder)
    fill(folder, {"ants.md": broken})
    plan = run_sync(store, folder, remove_missing=True, open_encoder=open_no_encoder)
    assert [failure.path for failure in plan.failed] == [str(folder / "ants.md")]
    assert (plan.unchanged, plan.removed) == (["bees", "sea"], [])
    assert store.get_article("ants").text == "النمل يحفر بيوته."


def test_a_line_that_cannot_be_read_today_keeps_the_articles_of_its_file(store, folder):
    fill(folder, {"all.jsonl": '{"id": "one", "text": "الأول هنا"}\n{"id": "two", "text": "الثاني هنا"}\n'})
    run_sync(store, folder)
    fill(folder, {"all.jsonl": '{"id": "one", "text": "الأول هنا"}\n{"id": "two", "text": \n'})
    plan = run_sync(store, folder, remove_missing=True)
    assert [failure.path for failure in plan.failed] == [f"{folder / 'all.jsonl'}:2"]
    assert store.summarize_articles().keys() == {"bees", "sea", "one", "two"}


def test_a_broken_file_keeps_its_article_when_the_folder_is_named_otherwise(store, folder, monkeypatch):
    run_sync(store, folder)
    fill(folder, {"bees.txt": b"\x00"})
    monkeypatch.chdir(folder.parent)
    plan = run_sync(store, Path("articles"), remove_missing=True)
    assert (len(plan.failed), plan.removed) == (1, [])


def test_a_broken_file_that_was_moved_keeps_its_article(store, folder):
    named = f"---\nid: bees\n---\n{BEES}"
    (folder / "bees.txt").unlink()
    fill(folder, {"old.md": named})
    run_sync(store, folder)
    (folder / "old.md").rename(folder / "new.md")
    assert run_sync(store, folder, remove_missing=True).removed == []
    fill(folder, {"new.md": b"\x00"})
    plan = run_sync(store, folder, remove_missing=True)
    assert (len(plan.failed), plan.removed) == (1, [])


def test_a_folder_that_cannot_be_entered_today_keeps_its_articles(store):
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        folder = fill(Path(name), {"bees.txt": BEES, "below/sea.txt": SEA})
        run_sync(store, folder)
        (folder / "below").chmod(0o000)
        user = os.geteuid()
        os.seteuid(65534 if user == 0 else user)  # root may enter every folder
        try:
            plan = plan_sync(store, folder, remove_missing=True)
        except InputError:
            plan = IndexResult()  # refusing the whole run is as good: it removes nothing
        finally:
            os.seteuid(user)
            (folder / "below").chmod(0o755)
    assert plan.removed == []


def test_a_sync_removes_only_below_what_was_named(store, folder, tmp_path):
    other = fill(tmp_path / "other", {"ants.md": "النمل يحفر بيوته.", "wasps.md": "الدبور يبني عشًّا."})
    run_sync(store, folder)
    run_sync(store, other)
    (folder / "bees.txt").unlink()
    (other / "ants.md").unlink()
    assert plan_sync(store, other, remove_missing=True).removed == ["ants"]
    assert plan_sync(store, other / "wasps.md", remove_missing=True).removed == []
    assert sorted(plan_sync(store, other, folder, remove_missing=True).removed) == ["ants", "bees"]


def test_what_a_link_stands_in_for_keeps_its_articles(store, folder, tmp_path):
    fill(folder, {"sub/ants.md": "النمل يحفر بيوته."})
    run_sync(store, folder)
    (folder / "sub").rename(tmp_path / "away")
    (folder / "sub").symlink_to(tmp_path / "nowhere")
    (folder / "bees.txt").unlink()
    (folder / "bees.txt").symlink_to(tmp_path / "nowhere.txt")
    plan = plan_sync(store, folder, remove_missing=True)
    assert (plan.removed, {Path(skip.path).name for skip in plan.skipped}) == ([], {"sub", "bees.txt"})


def test_before_more_than_a_fifth_is_removed_a_person_is_asked(store, folder):
    fill(folder, {f"{number}.txt": f"النص {number}." for number in range(8)})
    run_sync(store, folder)

    def decline(article_ids, total):
        raise InputError(f"{len(article_ids)} of {total}")

    for number in range(2):
        (folder / f"{number}.txt").unlink()
        assert make_sync(store).ingest([folder], lambda progress: None, (), True, decline).removed == [str(number)]
    for number in range(2, 4):
        (folder / f"{number}.txt").unlink()
    fill(folder, {"new.txt": "نص جديد."})
    with pytest.raises(InputError, match="2 of 8"):
        make_sync(store).ingest([folder], lambda progress: None, (), True, decline)
    assert {"2", "3", "new"} <= store.summarize_articles().keys()


@pytest.mark.parametrize("files", [{}, {"z.xyz": "%PDF"}, {".git/x.md": "نص"}], ids=["empty", "unknown", "hidden"])
def test_a_folder_without_articles_is_an_error_and_removes_nothing(store, folder, tmp_path, files):
    run_sync(store, folder)
    (tmp_path / "other").mkdir()
    fill(tmp_path / "other", files)
    with pytest.raises(InputError, match="Nothing was changed"):
        run_sync(store, tmp_path / "other", remove_missing=True)
    assert store.summarize_articles().keys() == {"bees", "sea"}


def test_a_mistyped_folder_is_an_error_even_beside_a_good_one(store, folder, tmp_path):
    run_sync(store, folder)
    with pytest.raises(InputError, match="artcles does not exist"):
        run_sync(store, folder / "bees.txt", tmp_path / "artcles", remove_missing=True)
    assert store.summarize_articles().keys() == {"bees", "sea"}


# Two articles of one id, failures on the way


def test_the_second_file_of_an_id_fails_and_names_the_first(store, folder):
    fill(folder, {"a.md": "---\nid: same\n---\nالأول هنا.", "b.md": "---\nid: same\n---\nالثاني هنا."})
    plan = run_sync(store, folder)
    assert plan.added == ["same", "bees", "sea"]
    [failure] = plan.failed
    assert failure.path == str(folder / "b.md")
    assert "'same'" in failure.reason
    assert str(folder / "a.md") in failure.reason
    assert store.get_article("same").text == "الأول هنا."


def test_a_folder_named_twice_is_read_once(store, folder):
    assert plan_sync(store, folder, folder, folder / "bees.txt") == IndexResult(added=["bees", "sea"])


class FailingEncoder(WordEncoder):
    """Embeds passages so many times, then raises."""

    def __init__(self, calls: int) -> None:
        self._calls_left = calls

    def embed_passages(self, passages):
        self._calls_left -= 1
        if self._calls_left < 0:
            raise EmbeddingError("out of order")
        return super().embed_passages(passages)


def test_what_was_finished_before_a_failure_is_kept_and_the_next_run_finishes(engine, store, tmp_path):
    long = "\n".join(f"هذه هي الجملة رقم {at} من مقالة طويلة." for at in range(2000))
    folder = fill(tmp_path / "articles", {"a.txt": long, "b.txt": BEES})
    assert len(long) > 60_000  # so that the next article comes in a batch of its own
    with pytest.raises(EmbeddingError):
        run_sync(store, folder, open_encoder=lambda: FailingEncoder(1))
    assert store.summarize_articles().keys() == {"a"}
    check_whole(engine, store)
    assert run_sync(store, folder) == IndexResult(added=["b"], unchanged=["a"])
    check_whole(engine, store)


def test_orphans_of_a_killed_run_are_deleted_even_when_no_file_changed(engine, store, folder):
    run_sync(store, folder)
    [bees] = [point for point in engine.scroll("articles", ["id"]) if point.payload["id"] == "bees"]
    engine.delete("articles", [bees.id])
    (folder / "bees.txt").unlink()
    assert run_sync(store, folder, open_encoder=open_no_encoder) == IndexResult(unchanged=["sea"])
    assert store.count_chunks() == store.summarize_articles()["sea"].chunks


def test_an_article_that_lost_chunks_is_written_again_by_the_next_run(engine, store, folder):
    run_sync(store, folder)
    [lost, *_] = [
        point.id for point in engine.scroll("chunks", ["article_id"]) if point.payload["article_id"] == "bees"
    ]
    engine.delete("chunks", [lost])
    run_sync(store, folder)
    check_whole(engine, store)


# Killed at any moment


def check_whole(engine: EdgeEngine, store: Store) -> None:
    """Assert that every article has all its chunks, and that once orphans are deleted there are no others."""
    store.delete_orphans()
    chunks: dict[tuple[str, str], set[tuple[int, int]]] = {}
    for point in engine.scroll("chunks", ["article_id", "revision", "span"]):
        key = point.payload["article_id"], point.payload["revision"]
        chunks.setdefault(key, set()).add(tuple(point.payload["span"]))
    summaries = store.summarize_articles()
    expected = {}
    for article in store.get_articles(summaries).values():
        cut = {(chunk.start, chunk.end) for chunk in chunk_article(article, CONFIG.chunk_tokens)}
        assert summaries[article.id].chunks == len(cut)
        expected[article.id, article.revision] = cut
    assert chunks == expected


def write_edition(folder: Path, edition: int) -> None:
    """Sixty articles, of which each edition changes every third, adds one and takes one away."""
    for at in range(edition, edition + 60):
        since = max(0, edition - (edition + at) % 3)
        lines = [f"في الطبعة {since} من المقالة {at} سطر رقم {line} عن المدينة {at * line}." for line in range(8)]
        (folder / f"{at}.txt").write_text("\n".join(lines), "utf-8")
    (folder / f"{edition - 1}.txt").unlink(missing_ok=True)


def read_texts(folder: Path) -> dict[str, tuple[str, str]]:
    """Id to revision and text of the articles in a folder."""
    articles = [article for file in folder.iterdir() for article in read_file(file, folder, MAX_CHARS)]
    return {article.id: (article.revision, article.text) for article in articles}


def test_an_ingest_killed_at_any_moment_leaves_articles_whole_and_is_finished_by_the_next(tmp_path):
    index, folder = tmp_path / "index", tmp_path / "articles"
    folder.mkdir()
    chance = random.Random(1)
    editions: dict[str, set[tuple[str, str]]] = {}
    outcomes = []
    command = [sys.executable, "-m", "tests.killed_ingest", str(index), str(folder)]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for edition in range(12):
            write_edition(folder, edition)
            for name, content in read_texts(folder).items():
                editions.setdefault(name, set()).add(content)
            when = f"start {chance.uniform(0, 0.8)}" if edition % 2 else f"embedded {chance.uniform(0, 0.04)}"
            print(when, file=process.stdin, flush=True)
            outcomes.append(process.stdout.readline().strip())
            engine = EdgeEngine(index)
            store = Store(engine, CONFIG)
            for article in store.get_articles(store.summarize_articles()).values():
                assert (article.revision, article.text) in editions[article.id]
            check_whole(engine, store)
            store.close()
        process.stdin.close()
    assert set(outcomes) <= {"killed", "finished"}
    assert outcomes.count("killed") >= 3

    ingest(index, folder)
    ingest(tmp_path / "clean", folder)
    finished, clean = EdgeEngine(index), EdgeEngine(tmp_path / "clean")
    stores = Store(finished, CONFIG), Store(clean, CONFIG)
    assert read_points(finished) == read_points(clean)
    stored = stores[0].get_articles(stores[0].summarize_articles())
    assert {key: (article.revision, article.text) for key, article in stored.items()} == read_texts(folder)
    assert stores[0].count_chunks() == stores[1].count_chunks() > 60
    for store in stores:
        store.close()
