import time

import pytest

from ingest.pdf.extract import extract_text
from ingest.readers import ReadFailure, format_of_media_type, read_file, read_upload
from rag.errors import ReadError
from tests.hostile_pdfs import HOSTILE, cut_off, deep_arrays, deep_tree, forms_of_forms, pages, swelling_stream
from tests.pdf_files import make_pdf

PDF = format_of_media_type("application/pdf")
SMALL = {
    **{name: HOSTILE[name] for name in ("a page tree that loops", "a form that draws itself", "half a file")},
    "a table of places that is elsewhere": HOSTILE["a table of places that is elsewhere"],
    "a deep page tree": lambda: deep_tree(2000),
    "deep arrays": lambda: deep_arrays(20_000),
    "a stream that swells": lambda: swelling_stream(200_000_000),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_file_that_means_harm_is_a_failure_with_a_reason(name):
    (found,) = read_upload(SMALL[name](), PDF, "name", 100_000)
    assert isinstance(found, ReadFailure)
    assert found.reason


def test_a_table_of_places_that_loops_does_not_keep_its_words_from_being_read():
    (found,) = read_upload(HOSTILE["tables of places that loop"](), PDF, "name", 100_000)
    assert found.text == "harmless words on this page"


def test_a_file_of_too_many_pages_is_told_how_many_it_has_and_may_have():
    (found,) = read_upload(pages(5001), PDF, "name", 2_000_000)
    assert "5,001 pages" in found.reason
    assert "5,000. Cut it" in found.reason
    (found,) = read_upload(pages(150), PDF, "name", 20_000)
    assert "150 pages" in found.reason


@pytest.mark.parametrize("content", [pages(3000), forms_of_forms(depth=14)])
def test_reading_ends_when_its_time_is_over(content):
    begun = time.monotonic()
    with pytest.raises(ReadError):
        extract_text(content, 2_000_000, seconds=1.0)
    assert time.monotonic() - begun < 20


def test_the_files_beside_a_bad_one_are_read(tmp_path):
    (tmp_path / "a.pdf").write_bytes(cut_off())
    (tmp_path / "b.pdf").write_bytes(make_pdf([[(50, 700, 12, "The laboratory was opened in 2011.")]]))
    found = [one for name in ("a.pdf", "b.pdf") for one in read_file(tmp_path / name, tmp_path, 1000)]
    assert [isinstance(one, ReadFailure) for one in found] == [True, False]
