"""Word documents of before 2007, with LibreOffice where it is installed and a small program in its place elsewhere."""

import shutil
import sys
import time

import pytest

from ingest.readers import ReadFailure, libreoffice, list_files, read_file
from ingest.reasons import reason
from tests.test_documents import paragraph, word

OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
TEXT = "يُرفع طلب الإجازة إلى رئيس القسم قبل أسبوعين من موعدها."
DOCUMENT = word(paragraph(TEXT))


def put_program(folder, monkeypatch, body):
    """A program in place of LibreOffice, in Python; it has `folder`, where what it converts to goes."""
    program = folder / "converter"
    lines = [
        f"#!{sys.executable}",
        "import pathlib, sys, time",
        "folder = pathlib.Path(sys.argv[sys.argv.index('--outdir') + 1])",
    ]
    program.write_text("\n".join([*lines, body]))
    program.chmod(0o755)
    monkeypatch.setenv("DALIL_SOFFICE", str(program))


def read_old(folder, content=OLD):
    (folder / "a.doc").write_bytes(content)
    return list(read_file(folder / "a.doc", folder, 10_000))


def test_an_old_document_is_what_the_converter_makes_of_it(tmp_path, monkeypatch):
    (tmp_path / "new").write_bytes(DOCUMENT)
    new = f"pathlib.Path({str(tmp_path / 'new')!r}).read_bytes()"
    put_program(tmp_path, monkeypatch, f"(folder / 'document.docx').write_bytes({new})")
    (one,) = read_old(tmp_path)
    assert (one.id, one.text) == ("a", TEXT)


def test_the_converter_has_a_profile_of_its_own_without_macros_and_links(tmp_path, monkeypatch):
    noted = tmp_path / "noted"
    profile = "folder / 'profile/user/registrymodifications.xcu'"
    put_program(tmp_path, monkeypatch, f"open({str(noted)!r}, 'w').write(' '.join(sys.argv) + ({profile}).read_text())")
    read_old(tmp_path)
    said = noted.read_text()
    assert "-env:UserInstallation=file:///" in said
    assert 'oor:name="DisableMacrosExecution" oor:op="fuse"><value>true' in said
    assert 'oor:name="Link" oor:op="fuse"><value>0' in said


def test_without_libreoffice_a_file_is_a_failure_and_of_a_folder_skipped(tmp_path, monkeypatch):
    monkeypatch.setenv("DALIL_SOFFICE", "off")
    missing = reason("old_word_missing")
    assert read_old(tmp_path) == [ReadFailure(str(tmp_path / "a.doc"), missing)]
    (tmp_path / "b.txt").write_text(TEXT)
    (skip,) = list_files([tmp_path]).skipped
    assert (skip.path, skip.reason) == (str(tmp_path / "a.doc"), missing)


@pytest.mark.parametrize("content", [b"", b"<html>", b"text"])
def test_what_is_no_word_document_is_not_given_to_the_converter(tmp_path, monkeypatch, content):
    put_program(tmp_path, monkeypatch, f"open({str(tmp_path / 'called')!r}, 'w')")
    assert read_old(tmp_path, content)[0].reason == reason("old_word_damaged")
    assert not (tmp_path / "called").exists()


def test_a_new_document_under_the_old_suffix_is_read_without_the_converter(tmp_path, monkeypatch):
    monkeypatch.setenv("DALIL_SOFFICE", "off")
    assert read_old(tmp_path, DOCUMENT)[0].text == TEXT


def test_a_converter_that_makes_nothing_or_never_ends_is_a_failure(tmp_path, monkeypatch):
    put_program(tmp_path, monkeypatch, "sys.exit(1)")
    assert read_old(tmp_path)[0].reason == reason("old_word_damaged")
    monkeypatch.setattr(libreoffice, "_SECONDS", 0.5)
    put_program(tmp_path, monkeypatch, f"time.sleep(3); open({str(tmp_path / 'late')!r}, 'w')")
    assert read_old(tmp_path)[0].reason == reason("old_word_time", seconds=0.5)
    time.sleep(4)
    assert not (tmp_path / "late").exists()


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("kind", ["rtf", "doc"])
def test_libreoffice_reads_rich_text_and_what_it_wrote_in_the_old_format(tmp_path, monkeypatch, kind):
    letters = "".join(f"\\u{ord(char)}?" for char in TEXT)
    content = f"{{\\rtf1\\ansi\\uc1 {letters}\\par}}".encode()
    monkeypatch.setattr(libreoffice, "_SECONDS", 300)
    if kind == "doc":
        (tmp_path / "text.rtf").write_bytes(content)
        libreoffice._write_profile(tmp_path / "profile")
        with monkeypatch.context() as patch:
            patch.setattr(libreoffice, "_FILTER", "doc:MS Word 97")
            libreoffice._run(shutil.which("soffice"), tmp_path, tmp_path / "text.rtf")
        content = (tmp_path / "text.doc").read_bytes()
        assert content.startswith(OLD[:8])
    (one,) = read_old(tmp_path, content)
    assert one.text == TEXT
