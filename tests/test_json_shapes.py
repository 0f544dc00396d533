"""JSON: one object, lines or an array, the same whichever way it comes in."""

import json
import tracemalloc

import pytest

from ingest.readers import ReadFailure, format_of_media_type, read_file, read_upload
from rag.types import Article

OBJECTS = [{"text": "أول", "id": "a"}, {"text": "ثان", "title": "x"}, {"text": ["ثالث", "رابع"]}]
SHAPES = {
    "lines": "\n".join(map(json.dumps, OBJECTS)),
    "array": json.dumps(OBJECTS),
    "array on lines": json.dumps(OBJECTS, indent=2),
    "array of lines": "[\n" + ",\n".join(map(json.dumps, OBJECTS)) + "\n]\n",
}
WAYS = ["json", "jsonl", "application/json", "application/jsonl"]


def read(folder, way, content):
    if "/" in way:
        return list(read_upload(content.encode(), format_of_media_type(way), "name", 1_000))
    file = folder / f"name.{way}"
    file.write_text(content, "utf-8")
    return list(read_file(file, folder, 1_000))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_gives_the_same_articles_on_every_way_in(tmp_path, way, shape):
    found = read(tmp_path, way, SHAPES[shape])
    assert [(one.id, one.text) for one in found] == [("a", "أول"), ("name:2", "ثان"), ("name:3", "ثالث\n\nرابع")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("indent", [None, 2])
def test_one_object_is_called_by_the_name_and_one_line_of_lines_by_its_number(tmp_path, way, indent):
    (one,) = read(tmp_path, way, json.dumps({"text": "نص", "title": "x"}, indent=indent))
    is_line = indent is None and way.endswith("jsonl")
    assert (one.id, one.text) == ("name:1" if is_line else "name", "نص")


@pytest.mark.parametrize("way", WAYS)
def test_elements_beside_bad_ones_are_read(tmp_path, way):
    found = read(tmp_path, way, '[{"text": "أول"}, 5, {"title": "x"}, {"text": "?"}, {"text": "آخر"}]')
    assert [one.text for one in found if isinstance(one, Article)] == ["أول", "آخر"]
    assert [one.path.rpartition(":")[2] for one in found if isinstance(one, ReadFailure)] == ["2", "3", "4"]


@pytest.mark.parametrize("end", ['{"text": "ث', '{"text": "ثان"} {"text": "ثالث"}]', "nonsense]", ""])
def test_an_array_that_breaks_keeps_what_stands_before(tmp_path, end):
    first, failure = read(tmp_path, "json", '[{"text": "أول"}, ' + end)
    assert first.text == "أول"
    assert failure.path.endswith("name.json:2")
    assert "what follows it is not read" in failure.reason


def test_an_array_is_read_without_holding_it_whole(tmp_path):
    file = tmp_path / "name.json"
    with file.open("w") as writing:
        writing.write("[")
        writing.writelines('{"text": "word", "other": "%s"},\n' % ("x" * 1_000) for _ in range(8_000))
        writing.write('{"text": "last"}]')
    tracemalloc.start()
    number = sum(isinstance(one, Article) for one in read_file(file, tmp_path, 1_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert number == 8_001
    assert peak < 2**22


@pytest.mark.parametrize(
    "odd", ['"n": 1' + "0" * 5_000, '"title": "\\ud800"', '"id": NaN', '"topic": [[[1]]]', '"x": null']
)
@pytest.mark.parametrize("way", WAYS)
def test_an_odd_optional_field_never_loses_an_article(tmp_path, way, odd):
    one, *_ = read(tmp_path, way, '{"text": "نص \\ud800", ' + odd + "}")
    assert one.text == "نص"
