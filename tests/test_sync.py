import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.chunker import split
from ingest.readers import read
from ingest.sync import Plan, Sync
from rag.embedding.bm25 import lexical_vector
from rag.errors import EmbeddingError, InputError
from rag.store import QueryVectors, Store
from rag.store.qdrant_edge import EdgeEngine
from tests.doubles import WordEncoder
from tests.killed_ingest import PIPELINE, ingest

BEES = "النحلة تصنع العسل.\nويعيش النحل في خلايا."
SEA = "البحر الميت أخفض بقعة على اليابسة.\nيصب فيه نهر الأردن."
LONGEST = 100_000


@pytest.fixture
def engine(tmp_path: Path) -> EdgeEngine:
    return EdgeEngine(tmp_path / "index")


@pytest.fixture
def store(engine: EdgeEngine) -> Iterator[Store]:
    opened = Store(engine, PIPELINE)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path / "articles", {"bees.txt": BEES, "sea.md": f"# البحر الميت\n\n{SEA}"})


def filled(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def planned(store: Store, *paths: Path, remove_missing: bool = False) -> Plan:
    return Sync(store, PIPELINE.chunk_tokens, LONGEST).plan(paths, remove_missing)


def synced(store: Store, *paths: Path, remove_missing: bool = False, encoder=WordEncoder) -> Plan:
    sync = Sync(store, PIPELINE.chunk_tokens, LONGEST)
    plan = sync.plan(paths, remove_missing)
    sync.apply(plan, paths, encoder, lambda done, total: None)
    return plan


def content(engine: EdgeEngine) -> dict[str, dict[str, object]]:
    """Every point of the index by id, with what is stored of it."""
    fields = {"articles": ["id", "text", "revision", "spans", "source"], "chunks": ["article_id", "revision", "span"]}
    return {record.id: record.payload for name in fields for record in engine.scroll(name, fields[name])}


def unwanted() -> WordEncoder:
    raise AssertionError("nothing was to be embedded")


# The same files, other files


def test_files_become_articles_of_the_index(store, folder):
    plan = synced(store, folder)
    assert plan == Plan(added=["bees", "sea"])
    assert store.article("bees").text == BEES
    assert store.article("sea").title == "البحر الميت"
    assert {head.source for head in store.heads().values()} == {str(folder / "bees.txt"), str(folder / "sea.md")}
    assert store.chunk_count == sum(head.chunks for head in store.heads().values()) >= 2


def test_the_same_files_twice_change_nothing_and_embed_nothing(engine, store, folder):
    synced(store, folder)
    before = content(engine)
    plan = synced(store, folder, remove_missing=True, encoder=unwanted)
    assert plan == Plan(unchanged=["bees", "sea"])
    assert content(engine) == before


def test_a_file_written_again_with_the_same_words_is_unchanged(store, folder):
    synced(store, folder)
    (folder / "bees.txt").write_text(BEES + "\r\n\r\n")
    os.utime(folder / "sea.md", (0, 0))
    assert planned(store, folder) == Plan(unchanged=["bees", "sea"])


def test_the_order_of_files_and_lines_does_not_matter(engine, store, folder):
    lines = ['{"id": "one", "text": "الأول هنا"}\n', '{"id": "two", "text": "الثاني هنا"}\n']
    filled(folder, {"lines.jsonl": "".join(lines)})
    synced(store, folder / "bees.txt", folder / "lines.jsonl")
    before = content(engine)
    filled(folder, {"lines.jsonl": "".join(reversed(lines))})
    plan = synced(store, folder / "lines.jsonl", folder / "bees.txt", remove_missing=True, encoder=unwanted)
    assert plan == Plan(unchanged=["two", "one", "bees"])
    assert content(engine) == before


def test_an_edited_article_replaces_its_chunks(engine, store, folder):
    synced(store, folder)
    filled(folder, {"bees.txt": "النمل يحفر بيوته في الأرض."})
    plan = synced(store, folder)
    assert plan == Plan(changed=["bees"], unchanged=["sea"])
    assert store.article("bees").text == "النمل يحفر بيوته في الأرض."
    check_whole(engine, store)
    assert words_found(store, "العسل") == set()
    assert words_found(store, "النمل") == {"bees"}


def words_found(store: Store, question: str) -> set[str]:
    """Articles of which a chunk shares a word with `question`."""
    query = QueryVectors(WordEncoder().question(question), lexical_vector(question))
    return {candidate.article_id for candidate in store.candidates(query, 50, 50) if candidate.signals.lexical > 0}


@pytest.mark.parametrize("line", ["title: عسل", "url: https://example.org", "date: 2024-05-01", "topic: حيوان"])
def test_an_edit_of_the_front_matter_is_a_change(store, folder, line):
    synced(store, folder)
    filled(folder, {"sea.md": f"---\n{line}\n---\n# البحر الميت\n\n{SEA}"})
    assert planned(store, folder) == Plan(changed=["sea"], unchanged=["bees"])


def test_ids_are_paths_below_the_folder_named(store, folder):
    filled(folder, {"طبيعة/نبات/نخل.md": "النخلة شجرة.", ".hidden/x.md": "خفي", "طبيعة/.y.md": "خفي", "z.pdf": "%PDF"})
    assert planned(store, folder).added == ["bees", "sea", "طبيعة/نبات/نخل"]
    assert planned(store, folder / "طبيعة").added == ["نبات/نخل"]
    assert planned(store, folder / "طبيعة" / "نبات" / "نخل.md").added == ["نخل"]


def test_progress_counts_articles(store, folder):
    told = []
    sync = Sync(store, PIPELINE.chunk_tokens, LONGEST)
    sync.apply(sync.plan([folder]), [folder], WordEncoder, lambda done, total: told.append((done, total)))
    assert (told[0], told[-1]) == ((0, 2), (2, 2))


def test_a_plan_alone_writes_nothing(engine, store, folder):
    synced(store, folder)
    before = content(engine)
    filled(folder, {"bees.txt": "نص آخر هنا.", "new.txt": "نص جديد."})
    (folder / "sea.md").unlink()
    plan = planned(store, folder, remove_missing=True)
    assert plan == Plan(added=["new"], changed=["bees"], removed=["sea"])
    assert content(engine) == before


# Removing


def test_a_missing_file_loses_its_article_only_when_asked_for(engine, store, folder):
    synced(store, folder)
    (folder / "bees.txt").unlink()
    assert synced(store, folder, encoder=unwanted) == Plan(unchanged=["sea"])
    assert store.heads().keys() == {"bees", "sea"}
    assert synced(store, folder, remove_missing=True, encoder=unwanted) == Plan(unchanged=["sea"], removed=["bees"])
    assert store.heads().keys() == {"sea"}
    assert store.chunk_count == store.heads()["sea"].chunks
    check_whole(engine, store)


def test_a_renamed_file_is_another_article(store, folder):
    synced(store, folder)
    (folder / "bees.txt").rename(folder / "نحل.txt")
    plan = synced(store, folder, remove_missing=True)
    assert plan == Plan(added=["نحل"], unchanged=["sea"], removed=["bees"])
    assert store.heads().keys() == {"sea", "نحل"}


@pytest.mark.parametrize(
    "broken",
    [b"", b"\x00\x01", "نص".encode("cp1256"), b"---\ntitle: [\n---\ntext", b"x" * 5 * LONGEST],
    ids=["empty", "binary", "cp1256", "yaml", "long"],
)
def test_a_file_that_cannot_be_read_today_keeps_its_article(store, folder, broken):
    filled(folder, {"ants.md": "النمل يحفر بيوته."})
    synced(store, folder)
    filled(folder, {"ants.md": broken})
    plan = synced(store, folder, remove_missing=True, encoder=unwanted)
    assert [failure.path for failure in plan.failed] == [str(folder / "ants.md")]
    assert (plan.unchanged, plan.removed) == (["bees", "sea"], [])
    assert store.article("ants").text == "النمل يحفر بيوته."


def test_a_line_that_cannot_be_read_today_keeps_the_articles_of_its_file(store, folder):
    filled(folder, {"all.jsonl": '{"id": "one", "text": "الأول هنا"}\n{"id": "two", "text": "الثاني هنا"}\n'})
    synced(store, folder)
    filled(folder, {"all.jsonl": '{"id": "one", "text": "الأول هنا"}\n{"id": "two", "text": \n'})
    plan = synced(store, folder, remove_missing=True)
    assert [failure.path for failure in plan.failed] == [f"{folder / 'all.jsonl'}:2"]
    assert store.heads().keys() == {"bees", "sea", "one", "two"}


def test_a_broken_file_keeps_its_article_when_the_folder_is_named_otherwise(store, folder, monkeypatch):
    synced(store, folder)
    filled(folder, {"bees.txt": b"\x00"})
    monkeypatch.chdir(folder.parent)
    plan = synced(store, Path("articles"), remove_missing=True)
    assert (len(plan.failed), plan.removed) == (1, [])


def test_a_broken_file_that_was_moved_keeps_its_article(store, folder):
    named = f"---\nid: bees\n---\n{BEES}"
    (folder / "bees.txt").unlink()
    filled(folder, {"old.md": named})
    synced(store, folder)
    (folder / "old.md").rename(folder / "new.md")
    assert synced(store, folder, remove_missing=True).removed == []
    filled(folder, {"new.md": b"\x00"})
    plan = synced(store, folder, remove_missing=True)
    assert (len(plan.failed), plan.removed) == (1, [])


def test_a_folder_that_cannot_be_entered_today_keeps_its_articles(store):
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        folder = filled(Path(name), {"bees.txt": BEES, "below/sea.txt": SEA})
        synced(store, folder)
        (folder / "below").chmod(0o000)
        user = os.geteuid()
        os.seteuid(65534 if user == 0 else user)  # root may enter every folder
        try:
            plan = planned(store, folder, remove_missing=True)
        except InputError:
            plan = Plan()  # refusing the whole run is as good: it removes nothing
        finally:
            os.seteuid(user)
            (folder / "below").chmod(0o755)
    assert plan.removed == []


@pytest.mark.parametrize("made", [{}, {"z.pdf": "%PDF"}, {".git/x.md": "نص"}], ids=["empty", "pdf", "hidden"])
def test_a_folder_without_articles_is_an_error_and_removes_nothing(store, folder, tmp_path, made):
    synced(store, folder)
    (tmp_path / "other").mkdir()
    filled(tmp_path / "other", made)
    with pytest.raises(InputError, match="Nothing was changed"):
        synced(store, tmp_path / "other", remove_missing=True)
    assert store.heads().keys() == {"bees", "sea"}


def test_a_mistyped_folder_is_an_error_even_beside_a_good_one(store, folder, tmp_path):
    synced(store, folder)
    with pytest.raises(InputError, match="artcles does not exist"):
        synced(store, folder / "bees.txt", tmp_path / "artcles", remove_missing=True)
    assert store.heads().keys() == {"bees", "sea"}


# Two of one id, failures on the way


def test_the_second_file_of_an_id_fails_and_names_the_first(store, folder):
    filled(folder, {"a.md": "---\nid: same\n---\nالأول هنا.", "b.md": "---\nid: same\n---\nالثاني هنا."})
    plan = synced(store, folder)
    assert plan.added == ["same", "bees", "sea"]
    [failure] = plan.failed
    assert failure.path == str(folder / "b.md")
    assert "'same'" in failure.reason
    assert str(folder / "a.md") in failure.reason
    assert store.article("same").text == "الأول هنا."


def test_a_folder_named_twice_is_read_once(store, folder):
    assert planned(store, folder, folder, folder / "bees.txt") == Plan(added=["bees", "sea"])


class Failing(WordEncoder):
    """Embeds what `good` calls ask for, then nothing more."""

    def __init__(self, good: int) -> None:
        self._good = good

    def passages(self, passages):
        self._good -= 1
        if self._good < 0:
            raise EmbeddingError("out of order")
        return super().passages(passages)


def test_what_was_finished_before_a_failure_is_kept_and_the_next_run_finishes(engine, store, tmp_path):
    long = "\n".join(f"هذه هي الجملة رقم {at} من مقالة طويلة." for at in range(2000))
    folder = filled(tmp_path / "articles", {"a.txt": long, "b.txt": BEES})
    assert len(long) > 60_000  # so that the next article comes in a batch of its own
    with pytest.raises(EmbeddingError):
        synced(store, folder, encoder=lambda: Failing(1))
    assert store.heads().keys() == {"a"}
    check_whole(engine, store)
    assert synced(store, folder) == Plan(added=["b"], unchanged=["a"])
    check_whole(engine, store)


def test_a_file_that_went_away_after_the_plan_is_left_out(engine, store, folder):
    sync = Sync(store, PIPELINE.chunk_tokens, LONGEST)
    plan = sync.plan([folder])
    (folder / "bees.txt").unlink()
    sync.apply(plan, [folder], WordEncoder, lambda done, total: None)
    assert store.heads().keys() == {"sea"}
    check_whole(engine, store)


def test_what_a_killed_run_left_is_swept_even_when_no_file_changed(engine, store, folder):
    synced(store, folder)
    [bees] = [record for record in engine.scroll("articles", ["id"]) if record.payload["id"] == "bees"]
    engine.delete("articles", [bees.id])
    (folder / "bees.txt").unlink()
    assert synced(store, folder, encoder=unwanted) == Plan(unchanged=["sea"])
    assert store.check() == store.heads()["sea"].chunks


def test_an_article_that_lost_chunks_is_made_whole_by_the_next_run(engine, store, folder):
    synced(store, folder)
    [lost, *_] = [r.id for r in engine.scroll("chunks", ["article_id"]) if r.payload["article_id"] == "bees"]
    engine.delete("chunks", [lost])
    synced(store, folder)
    check_whole(engine, store)


# Killed at any moment


def check_whole(engine: EdgeEngine, store: Store) -> None:
    """Every article has all its chunks, and once they are swept there are no others."""
    store.sweep()
    chunks: dict[tuple[str, str], set[tuple[int, int]]] = {}
    for record in engine.scroll("chunks", ["article_id", "revision", "span"]):
        key = record.payload["article_id"], record.payload["revision"]
        chunks.setdefault(key, set()).add(tuple(record.payload["span"]))
    heads = store.heads()
    expected = {}
    for article in store.articles(heads).values():
        cut = {(chunk.start, chunk.end) for chunk in split(article, PIPELINE.chunk_tokens)}
        assert heads[article.id].chunks == len(cut)
        expected[article.id, article.revision] = cut
    assert chunks == expected


def generate(folder: Path, edition: int) -> None:
    """Sixty articles, of which each edition changes every third, adds one and takes one away."""
    for at in range(edition, edition + 60):
        since = max(0, edition - (edition + at) % 3)
        lines = [f"في الطبعة {since} من المقالة {at} سطر رقم {line} عن المدينة {at * line}." for line in range(8)]
        (folder / f"{at}.txt").write_text("\n".join(lines), "utf-8")
    (folder / f"{edition - 1}.txt").unlink(missing_ok=True)


def texts(folder: Path) -> dict[str, tuple[str, str]]:
    """Id to revision and text of the articles in a folder."""
    found = [article for file in folder.iterdir() for article in read(file, folder, LONGEST)]
    return {article.id: (article.revision, article.text) for article in found}


def test_an_ingest_killed_at_any_moment_leaves_articles_whole_and_is_finished_by_the_next(tmp_path):
    index, folder = tmp_path / "index", tmp_path / "articles"
    folder.mkdir()
    chance = random.Random(1)
    editions: dict[str, set[tuple[str, str]]] = {}
    outcomes = []
    command = [sys.executable, "-m", "tests.killed_ingest", str(index), str(folder)]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for edition in range(20):
            generate(folder, edition)
            for name, found in texts(folder).items():
                editions.setdefault(name, set()).add(found)
            when = f"start {chance.uniform(0, 0.8)}" if edition % 2 else f"embedded {chance.uniform(0, 0.04)}"
            print(when, file=process.stdin, flush=True)
            outcomes.append(process.stdout.readline().strip())
            engine = EdgeEngine(index)
            store = Store(engine, PIPELINE)
            for article in store.articles(store.heads()).values():
                assert (article.revision, article.text) in editions[article.id]
            check_whole(engine, store)
            store.close()
        process.stdin.close()
    assert set(outcomes) <= {"killed", "finished"}
    assert outcomes.count("killed") >= 5

    ingest(index, folder)
    ingest(tmp_path / "clean", folder)
    finished, clean = EdgeEngine(index), EdgeEngine(tmp_path / "clean")
    stores = Store(finished, PIPELINE), Store(clean, PIPELINE)
    assert content(finished) == content(clean)
    assert {key: (head.revision, stores[0].article(key).text) for key, head in stores[0].heads().items()} == texts(
        folder
    )
    assert stores[0].check() == stores[1].check() > 60
    for store in stores:
        store.close()
