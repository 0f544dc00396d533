"""What is read under the folders that a person names, and what is skipped and told."""

import os
from pathlib import Path

import pytest

from ingest.readers import Listing, list_files
from rag.errors import InputError
from tests.test_identity import write

TEXT = "نص صالح."


def names(listing: Listing, folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file, _ in listing.files]


def skipped(listing: Listing) -> dict[str, str]:
    return {Path(skip.path).name: skip.reason for skip in listing.skipped}


def test_what_is_skipped_is_named_with_the_reason(tmp_path):
    for name in ("a.md", "picture.gif", "Makefile", ".hidden.md", ".git/config"):
        write(tmp_path / name, TEXT)
    (tmp_path / "broken.md").symlink_to(tmp_path / "nowhere" / "x.md")
    os.mkfifo(tmp_path / "pipe.md")
    write(tmp_path / "data" / "config.json", "{}")
    listing = list_files([tmp_path], [tmp_path / "data"])
    assert names(listing, tmp_path) == ["a.md"]
    assert skipped(listing) == {
        "picture.gif": "Dalil does not read .gif.",
        "Makefile": "Dalil does not read files without a suffix.",
        ".hidden.md": "It is hidden.",
        ".git": "It is hidden.",
        "broken.md": "It is a link that leads nowhere.",
        "pipe.md": "It is no file.",
        "data": "It is the folder of the index.",
    }
    assert listing.failed == []


def test_a_linked_folder_is_followed(tmp_path):
    write(tmp_path / "other" / "index.md", TEXT)
    write(tmp_path / "in" / "note.md", TEXT)
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "other")
    listing = list_files([tmp_path / "in"])
    assert names(listing, tmp_path / "in") == ["linked/index.md", "note.md"]
    assert listing.places == [tmp_path / "in", tmp_path / "other"]


def test_links_that_go_round_end(tmp_path):
    write(tmp_path / "in" / "sub" / "note.md", TEXT)
    write(tmp_path / "other" / "x.md", TEXT)
    (tmp_path / "in" / "sub" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "above").symlink_to(tmp_path)
    (tmp_path / "in" / "other").symlink_to(tmp_path / "other")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "other")
    (tmp_path / "other" / "back").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in" / "self")
    listing = list_files([tmp_path / "in"])
    assert names(listing, tmp_path / "in") == ["again/x.md", "sub/note.md"]
    assert {*skipped(listing)} == {"up", "above", "other", "back", "self"}


def test_a_file_is_read_once_and_not_by_its_link(tmp_path):
    write(tmp_path / "z.md", TEXT)
    (tmp_path / "a.md").symlink_to(tmp_path / "z.md")
    listing = list_files([tmp_path])
    assert names(listing, tmp_path) == ["z.md"]
    assert skipped(listing) == {"a.md": "It is a link to what is read already."}


def test_a_folder_with_nothing_to_read_says_what_was_skipped(tmp_path):
    for number in range(5):
        write(tmp_path / f"{number}.gif", TEXT)
    with pytest.raises(InputError, match=r"0\.gif: Dalil does not read \.gif\..* And 2 more\."):
        list_files([tmp_path])
