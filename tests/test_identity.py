"""Which article of the index each one is: by where it came from and what it says, whichever way it is called."""

import unicodedata
from pathlib import Path

import pytest

from ingest.identity import Identities
from ingest.readers import ReadFailure, ReadResult, ReadWarning, find_files, format_of_file, read_file, read_upload
from rag.store import ArticleSummary
from rag.types import MAX_ID_CHARS, Article

NORTH, SOUTH = "# الفرع الشمالي\n\nفي الفرع الشمالي ٣١٢ طالبًا.", "# الفرع الجنوبي\n\nفي الفرع الجنوبي ٤٨٠ طالبًا."


class Index:
    """The summaries of what was read, as an index keeps them."""

    def __init__(self) -> None:
        self.stored: dict[str, ArticleSummary] = {}

    def put(self, *found: ReadResult) -> list[ReadResult]:
        """What becomes of it; what is an article is stored."""
        resolved = list(Identities(self.stored).resolve(found))
        for one in resolved:
            if isinstance(one, Article):
                fields = one.title, one.revision, one.source, 1, one.language, one.url, one.date, one.topic
                self.stored[one.id] = ArticleSummary(one.id, *fields)
        return resolved

    def ingest(self, *paths: Path) -> list[str]:
        """The ids of the articles of files and folders."""
        return ids(self.put(*read(*paths)))

    def send(self, name: str, content: str, source: str | None = None, suffix: str = ".md") -> list[ReadResult]:
        """What becomes of an upload."""
        known = format_of_file(Path(f"x{suffix}"))
        assert known is not None
        return self.put(*read_upload(content.encode(), known, name, 10_000, source))


@pytest.fixture
def index() -> Index:
    return Index()


def read(*paths: Path) -> list[ReadResult]:
    return [item for file, root in find_files(paths) for item in read_file(file, root, 10_000)]


def ids(found: list[ReadResult]) -> list[str]:
    return [one.id for one in found if isinstance(one, Article)]


def fill(folder: Path, **files: str) -> Path:
    """A folder of files, `__` in whose names is a step and `_` the dot of the suffix."""
    for name, content in files.items():
        write(folder / name.replace("__", "/").replace("_", "."), content)
    return folder


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


# The same stem, other folders


def test_the_same_stem_with_another_suffix_is_another_article(index, tmp_path):
    fill(tmp_path, a_md=NORTH, a_txt=SOUTH, sub__a_html=f"<p>{SOUTH * 3}</p>")
    assert index.ingest(tmp_path) == ["a", "a.txt", "sub/a"]
    assert index.ingest(tmp_path) == ["a", "a.txt", "sub/a"]
    (tmp_path / "a.md").unlink()
    assert index.ingest(tmp_path) == ["a.txt", "sub/a"]


def test_a_file_keeps_the_id_that_an_earlier_version_gave_it(index, tmp_path):
    fill(tmp_path, a_txt=NORTH)
    assert index.ingest(tmp_path) == ["a"]
    fill(tmp_path, a_md=SOUTH)  # comes first by name
    assert sorted(index.ingest(tmp_path)) == ["a", "a.md"]
    assert index.stored["a"].source == str(tmp_path / "a.txt")


@pytest.mark.parametrize("together", [True, False])
def test_files_of_one_path_in_two_folders_are_two_articles(index, tmp_path, together):
    fill(tmp_path, A__index_md=NORTH, B__index_md=SOUTH)
    folders = [tmp_path / "A", tmp_path / "B"]
    for paths in [folders] if together else [folders[:1], folders[1:]]:
        index.ingest(*paths)
    assert {key: one.title for key, one in index.stored.items()} == {
        "index": "الفرع الشمالي",
        "B/index": "الفرع الجنوبي",
    }
    write(tmp_path / "B/index.md", SOUTH + " وفيه مكتبة.")
    assert index.ingest(tmp_path / "B") == ["B/index"]


def test_more_folders_of_one_name_go_on_being_told_apart(index, tmp_path):
    fill(tmp_path, x__A__i_md=NORTH, y__A__i_md=SOUTH, z__A__i_md="# ثالث\n\nنص ثالث.")
    names = [index.ingest(tmp_path / name / "A") for name in "xyz"]
    assert names == [["i"], ["A/i"], ["z/A/i"]]


def test_a_copy_in_another_folder_is_told_and_kept_once(index, tmp_path):
    fill(tmp_path, A__index_md=NORTH, B__index_md=NORTH)
    index.ingest(tmp_path / "A")
    (same, warning) = index.put(*read(tmp_path / "B"))
    assert (same.id, same.source) == ("index", str(tmp_path / "A/index.md"))
    assert isinstance(warning, ReadWarning)
    assert str(tmp_path / "A/index.md") in warning.reason


def test_an_id_that_a_writer_gave_is_refused_to_another_file(index, tmp_path):
    fill(tmp_path, A__x_md=f"---\nid: school\n---\n{NORTH}", B__y_md=f"---\nid: school\n---\n{SOUTH}")
    assert index.ingest(tmp_path / "A") == ["school"]
    (failure,) = index.put(*read(tmp_path / "B"))
    assert isinstance(failure, ReadFailure)
    assert "'school'" in failure.reason
    assert str(tmp_path / "A/x.md") in failure.reason
    (tmp_path / "A/x.md").unlink()
    moved, warning = index.put(*read(tmp_path / "B"))
    assert moved.id == "school"
    assert "takes the place" in warning.reason


# The same file


def test_a_file_that_is_reached_by_another_folder_is_the_same_article(index, tmp_path):
    fill(tmp_path, sub__ghazl_md=NORTH)
    assert index.ingest(tmp_path) == ["sub/ghazl"]
    assert index.ingest(tmp_path / "sub") == ["sub/ghazl"]
    write(tmp_path / "sub/ghazl.md", SOUTH)
    assert index.ingest(tmp_path / "sub" / "ghazl.md") == ["sub/ghazl"]


def test_a_file_that_is_renamed_is_the_same_article(index, tmp_path):
    fill(tmp_path, ghazl_md=NORTH)
    index.ingest(tmp_path)
    (tmp_path / "ghazl.md").rename(tmp_path / "ghazl2.md")
    assert index.ingest(tmp_path) == ["ghazl"]
    assert index.stored["ghazl"].source == str(tmp_path / "ghazl2.md")
    write(tmp_path / "ghazl2.md", SOUTH)
    assert index.ingest(tmp_path) == ["ghazl"]


def test_a_file_whose_name_is_of_another_unicode_form_is_the_same_article(index, tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "آلات.md") for form in ("NFC", "NFD"))
    write(tmp_path / decomposed, NORTH)
    assert index.ingest(tmp_path) == ["آلات"]
    (tmp_path / decomposed).rename(tmp_path / composed)
    assert index.ingest(tmp_path) == ["آلات"]
    assert len(index.stored) == 1


def test_a_folder_that_moved_keeps_its_articles_and_edits_are_told(index, tmp_path):
    fill(tmp_path / "old", a_md=NORTH, b_md=SOUTH)
    index.ingest(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    write(tmp_path / "new/b.md", SOUTH + " وفيه مكتبة.")
    same, moved, warning = index.put(*read(tmp_path / "new"))
    assert (same.id, moved.id, same.source) == ("a", "b", str(tmp_path / "new/a.md"))
    assert "not there any more" in warning.reason


def test_a_file_that_is_gone_from_its_folder_gives_its_id_to_no_other_content(index, tmp_path):
    fill(tmp_path, A__index_md=NORTH, B__index_md=SOUTH)
    index.ingest(tmp_path / "A")
    (tmp_path / "A/index.md").unlink()
    assert index.ingest(tmp_path / "B") == ["B/index"]


def test_lines_keep_their_ids_by_their_content(index, tmp_path):
    lines = [f'{{"text": "السطر {word} هنا."}}' for word in ("الأول", "الثاني", "الثالث")]
    file = write(tmp_path / "all.jsonl", "\n".join(lines))
    assert index.ingest(file) == ["all:1", "all:2", "all:3"]
    before = {key: one.revision for key, one in index.stored.items()}
    write(file, "\n".join(['{"text": "سطر جديد قبلها."}', *lines]))
    index.ingest(file)
    assert {key: index.stored[key].revision for key in before} == before
    assert index.stored.keys() - before.keys() == {"all:4"}
    write(file, "\n".join(['{"text": "سطر جديد بعد تحرير."}', *lines]))
    index.ingest(file)
    assert {key: index.stored[key].revision for key in before} == before


# Uploads


def test_uploads_of_two_files_with_one_name_are_two_articles(index):
    index.send("index", NORTH, "/home/a/A/index.md")
    assert ids(index.send("index", SOUTH, "/home/a/B/index.md")) == ["B/index"]
    assert ids(index.send("index", SOUTH + " وفيه مكتبة.", "/home/a/B/index.md")) == ["B/index"]
    assert ids(index.send("index", NORTH + " وفيه حديقة.", "/home/a/A/index.md")) == ["index"]


def test_files_that_a_browser_sends_are_told_apart_by_their_suffix(index):
    index.send("a", NORTH, "a.md")
    assert ids(index.send("a", SOUTH, "a.txt")) == ["a.txt"]


def test_an_upload_of_an_earlier_version_is_known_by_its_name(index):
    index.send("sub/index", NORTH)
    assert ids(index.send("sub/index", NORTH + " وفيه حديقة.", "/home/a/sub/index.md")) == ["sub/index"]


def test_an_upload_takes_the_place_of_no_file(index, tmp_path):
    fill(tmp_path, bees_md=NORTH)
    index.ingest(tmp_path)
    (same,) = index.send("bees", NORTH)
    assert (same.id, same.source) == ("bees", str(tmp_path / "bees.md"))
    (failure,) = index.send("bees", SOUTH)
    assert str(tmp_path / "bees.md") in failure.reason


def test_a_file_that_was_sent_is_the_same_when_it_is_read(index, tmp_path):
    file = write(tmp_path / "sub/bees.md", NORTH)
    index.send("sub/bees", NORTH, str(file))
    write(file, SOUTH)
    assert index.ingest(tmp_path / "sub") == ["sub/bees"]
    assert index.stored["sub/bees"].source == str(file)


def test_an_id_given_in_json_is_the_same_article_in_each_upload(index):
    for text in ("نص أول.", "نص ثان."):
        assert ids(index.send(text, f'{{"id": "one", "text": "{text}"}}', suffix=".jsonl")) == ["one"]


def test_a_long_path_becomes_an_id_of_the_length_of_all_ids(index, tmp_path):
    folder = tmp_path / ("طويل" * 20) / ("جدا" * 20) / ("اسم" * 20)
    fill(folder, a_md=NORTH, b_md=SOUTH)
    first, second = index.ingest(tmp_path)
    assert first != second
    assert max(len(first), len(second)) <= MAX_ID_CHARS
    assert index.ingest(tmp_path) == [first, second]
