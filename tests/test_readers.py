import json
import os
import tracemalloc

import pytest

from ingest.readers import (
    FORMATS,
    MEDIA_TYPES,
    SUFFIXES,
    ReadFailure,
    ReadWarning,
    find_files,
    format_of_file,
    format_of_media_type,
    read_file,
    read_upload,
)
from rag.errors import InputError
from rag.types import Article
from tests.pdf_files import make_pdf, right_aligned

MAX_CHARS = 1_000
READABLE = "---\ntitle: جيد\n---\nنص صالح."


def write(folder, name, content):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def read_content(folder, name, content):
    return list(read_file(write(folder, name, content), folder, MAX_CHARS))


def read_article(folder, name, content):
    """The article of a file; what is warned of is left out."""
    (one,) = (one for one in read_content(folder, name, content) if not isinstance(one, ReadWarning))
    assert isinstance(one, Article), one
    return one


def read_failure(folder, name, content):
    """The reason of the first failure of a file, of which nothing can be read."""
    found = read_content(folder, name, content)
    assert all(isinstance(one, ReadFailure) for one in found), found
    one = found[0]
    assert one.path.startswith(str(folder / name))
    return one.reason


def read_markdown(folder, content):
    return read_article(folder, "a.md", content)


def join_lines(*values):
    """JSON lines of these objects; a string is a line as it is."""
    return "\n".join(value if isinstance(value, str) else json.dumps(value) for value in values)


def read_lines(folder, *values):
    return read_content(folder, "a.jsonl", join_lines(*values))


# Markdown


def test_front_matter_gives_the_fields(tmp_path):
    one = read_markdown(
        tmp_path,
        "---\ntitle: البحر\nid: sea\nlanguage: en\nurl: https://example.org/sea\ndate: 2022-09-22\ntopic: ماء\n"
        "writer: زيد\n---\nالبحر واسع.",
    )
    assert (one.id, one.title, one.text, one.language) == ("sea", "البحر", "البحر واسع.", "en")
    assert (one.url, one.date, one.topic) == ("https://example.org/sea", "2022-09-22", "ماء")
    assert one.source == str((tmp_path / "a.md").resolve())


@pytest.mark.parametrize("front", ["", "---\n---\n", "---\nauthor: زيد\n...\n"])
def test_every_field_may_be_left_out(tmp_path, front):
    one = read_markdown(tmp_path, f"{front}البحر واسع.\n\nوعميق.")
    assert (one.id, one.title, one.language, one.url, one.date, one.topic) == (
        "a",
        "البحر واسع.",
        "ar",
        None,
        None,
        None,
    )


@pytest.mark.parametrize(("line", "expected"), [("id: 7", "7"), ('id: "٧"', "٧")])
def test_a_number_may_be_an_id(tmp_path, line, expected):
    assert read_markdown(tmp_path, f"---\n{line}\n---\nنص").id == expected


def test_the_language_is_that_of_the_text(tmp_path):
    assert read_markdown(tmp_path, "The sea is wide.").language == "en"
    assert read_markdown(tmp_path, "البحر واسع جداً (sea).").language == "ar"


def test_an_id_is_the_path_under_the_folder_read(tmp_path):
    assert read_article(tmp_path, "sub/dir/sea.md", "البحر").id == "sub/dir/sea"


def test_the_first_heading_is_the_title_and_no_part_of_the_text(tmp_path):
    one = read_markdown(tmp_path, "# *البحر* الواسع\n\nنص.\n\n# ثان\n\n## ثالث")
    assert (one.title, one.text) == ("البحر الواسع", "نص.\n\nثان\n\nثالث")


def test_a_title_in_front_matter_goes_before_the_heading(tmp_path):
    one = read_markdown(tmp_path, "---\ntitle: العنوان\n---\n# البحر\n\nنص.")
    assert (one.title, one.text) == ("العنوان", "نص.")


def test_only_the_first_of_two_headings_is_the_title(tmp_path):
    one = read_markdown(tmp_path, "# أول\n\n# ثان\n\nنص")
    assert (one.title, one.text) == ("أول", "ثان\n\nنص")


def test_a_heading_further_down_is_text(tmp_path):
    one = read_markdown(tmp_path, "نص.\n\n# البحر")
    assert (one.title, one.text) == ("نص.", "نص.\n\nالبحر")


def test_a_long_first_line_is_cut_at_a_word_for_the_title(tmp_path):
    title = read_markdown(tmp_path, "سفينة " * 40).title  # six characters: the 17th word would end at 101
    assert title == " ".join(["سفينة"] * 16) + "…"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_hard_wrapped_paragraph_is_one_line(tmp_path, end):
    assert read_markdown(tmp_path, end.join(["سطر أول", "سطر ثان", "", "فقرة"])).text == "سطر أول سطر ثان\n\nفقرة"


def test_a_hard_line_break_stays(tmp_path):
    assert read_markdown(tmp_path, "سطر  \nثان\\\nثالث").text == "سطر\nثان\nثالث"


def test_list_items_keep_a_mark_or_their_number(tmp_path):
    assert read_markdown(tmp_path, "- بند\n* آخر\n\nنص\n\n3. ثالث\n4. رابع").text.split("\n\n") == [
        "• بند",
        "• آخر",
        "نص",
        "3. ثالث",
        "4. رابع",
    ]


def test_a_nested_list_is_flat(tmp_path):
    assert read_markdown(tmp_path, "- بند\n  - فرع\n    تابع\n").text == "• بند\n\n• فرع تابع"


def test_a_deeply_nested_list_keeps_every_word(tmp_path):
    text = read_markdown(tmp_path, "\n".join("  " * depth + f"- بند{depth}" for depth in range(15))).text
    assert [f"بند{depth}" in text for depth in range(15)] == [True] * 15


def test_inline_marks_are_removed(tmp_path):
    text = read_markdown(tmp_path, "**عريض** و*مائل* و`رمز` و[رابط](http://x) و![صورة](x.png) &amp; \\*نجمة\\*").text
    assert text == "عريض ومائل ورمز ورابط وصورة & *نجمة*"


def test_the_words_of_quotes_and_code_are_kept(tmp_path):
    assert read_markdown(tmp_path, "> اقتباس\n\n```py\na = *b*\n```").text == "اقتباس\n\na = *b*"


@pytest.mark.parametrize("suffix", ["md", "markdown", "MD"])
def test_every_suffix_of_markdown_is_read(tmp_path, suffix):
    assert read_article(tmp_path, f"a.{suffix}", "# البحر\n\nنص").title == "البحر"


# Plain text and JSON lines


def test_plain_text_is_kept_as_it_is(tmp_path):
    one = read_article(tmp_path, "a.txt", "سطر *أول*\nسطر ثان\n\nفقرة\n")
    assert (one.title, one.text) == ("سطر *أول*", "سطر *أول*\nسطر ثان\n\nفقرة")


def test_each_json_line_is_an_article(tmp_path):
    one, other = read_lines(
        tmp_path, {"text": "نص أول", "title": "أول", "id": 5, "date": "2020"}, "", {"text": "نص ثان"}
    )
    assert (one.id, one.title, one.text, one.date) == ("5", "أول", "نص أول", "2020")
    assert (other.id, other.title, other.text) == ("a:3", "نص ثان", "نص ثان")


def test_a_line_separator_inside_a_json_string_ends_no_line(tmp_path):
    (one,) = read_content(tmp_path, "a.jsonl", '{"text": "سطر\u2028ثان\x85"}\r\n')
    assert one.text == "سطر\u2028ثان"


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_json_file_may_hold_one_object_on_any_number_of_lines(tmp_path, indent, encoding):
    fields = {"text": "نص أول\n\nفقرة", "title": "أول", "topic": "ماء"}
    one = read_article(tmp_path, "sub/a.json", json.dumps(fields, indent=indent).encode(encoding))
    assert (one.id, one.title, one.text, one.topic) == ("sub/a", "أول", "نص أول\n\nفقرة", "ماء")


def test_a_json_file_may_hold_one_object_a_line(tmp_path):
    content = join_lines({"text": "نص أول", "id": "x"}, "", {"text": "نص ثان"}, "{", {"text": "نص ثالث"})
    one, other, failure, last = read_content(tmp_path, "a.json", content)
    assert [(found.id, found.text) for found in (one, other, last)] == [
        ("x", "نص أول"),
        ("a:3", "نص ثان"),
        ("a:5", "نص ثالث"),
    ]
    assert failure == ReadFailure(f"{tmp_path / 'a.json'}:4", failure.reason)


def test_a_json_file_that_cannot_be_read_is_one_failure_however_many_lines_it_has(tmp_path):
    (failure,) = read_content(tmp_path, "a.json", '{\n"text": "نص"\n"title": "x"\n}')
    assert failure.path == str(tmp_path / "a.json")
    assert "not JSON" in failure.reason


def test_json_files_of_a_folder_are_read(tmp_path):
    write(tmp_path, "one.json", '{"text": "نص أول"}')
    write(tmp_path, "sub/many.JSON", join_lines({"text": "نص ثان"}, {"text": "نص ثالث"}))
    found = [one for file, root in find_files([tmp_path]) for one in read_file(file, root, MAX_CHARS)]
    assert [one.id for one in found] == ["one", "sub/many:1", "sub/many:2"]


def test_the_revision_is_that_of_the_content_not_of_the_file(tmp_path):
    one, other = read_article(tmp_path, "a.txt", "نص"), read_article(tmp_path, "b.md", "نص\n")
    assert one.revision == other.revision
    assert read_article(tmp_path, "a.txt", "نص آخر").revision != one.revision
    assert read_markdown(tmp_path, "---\ntopic: ماء\n---\nنص").revision != one.revision


# Encodings and characters


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_files_in_utf_8_and_utf_16_are_read(tmp_path, name, encoding):
    assert read_article(tmp_path, name, "مقالة عن البحر".encode(encoding)).text == "مقالة عن البحر"


def test_utf_16_of_the_other_byte_order_is_read(tmp_path):
    assert read_article(tmp_path, "a.txt", b"\xfe\xff" + "مقالة".encode("utf-16-be")).text == "مقالة"


def test_json_lines_in_utf_16_are_read(tmp_path):
    content = '{"text": "أول"}\n{"text": "ثان"}\n'.encode("utf-16")
    assert [getattr(one, "text", one) for one in read_content(tmp_path, "a.jsonl", content)] == ["أول", "ثان"]


@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path, name):
    assert read_article(tmp_path, name, "\ufeffنص").text == "نص"


def test_windows_line_ends_change_nothing(tmp_path):
    content = "---\ntitle: البحر\n---\nسطر\nثان\n\nفقرة"
    one, other = read_article(tmp_path, "a.md", content), read_article(tmp_path, "b.md", content.replace("\n", "\r\n"))
    assert (one.text, one.title, one.revision) == (other.text, other.title, other.revision)


def test_old_line_ends_are_line_ends(tmp_path):
    assert read_article(tmp_path, "a.txt", "a\rb\r\nc").text == "a\nb\nc"


def test_control_characters_become_spaces(tmp_path):
    assert read_article(tmp_path, "a.txt", "نص\x07ثان\x1b[31m\x7f\x85\tثالث").text == "نص ثان [31m  \tثالث"


def test_a_nul_escape_in_json_becomes_a_space(tmp_path):
    (one,) = read_lines(tmp_path, {"text": "نص\0ثان", "title": "عنوان\0", "id": "a\0b"})
    assert (one.text, one.title, one.id) == ("نص ثان", "عنوان", "a b")


def test_a_pair_of_surrogate_escapes_is_one_character(tmp_path):
    (one,) = read_lines(tmp_path, '{"text": "\\ud83d\\ude00 نص"}')
    assert one.text == "😀 نص"


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="file names there are Unicode")
def test_file_names_that_are_no_unicode_give_articles_that_can_be_stored(tmp_path):
    for name in (b"\xe3\xe4.txt", b"\xe5\xe6.txt"):
        with open(os.fsencode(tmp_path) + b"/" + name, "w") as file:
            file.write("word")
    one, other = (item for file, root in find_files([tmp_path]) for item in read_file(file, root, MAX_CHARS))
    assert one.id.strip() != other.id.strip()
    assert f"{one.source}{one.id}{other.source}{other.id}".encode()


# What cannot be read

UNREADABLE = {
    "empty.md": ("", "empty"),
    "space.txt": (" \n\t\r\n", "empty"),
    "empty.jsonl": ("", "empty"),
    "blank.jsonl": ("\n \n", "empty"),
    "mark.txt": (b"\xef\xbb\xbf", "no words"),
    "binary.txt": (b"\x89PNG\r\n\x1a\n\0\0", "NUL"),
    "binary.md": (b"\0" * 100, "NUL"),
    "russian.txt": ("Всякий человек".encode("cp1251"), "not UTF-8 (byte 1)"),
    "odd.txt": (b"\xff\xfea", "no words"),
    "long.txt": ("a" * (MAX_CHARS + 1), "1,001 characters, at most 1,000"),
    "large.txt": ("a" * (4 * MAX_CHARS + 1), "too large"),
    "marks.md": ("# \n\n***\n", "no words"),
    "signs.txt": ("!؟ … ()", "no words"),
    "heading.md": ("# عنوان فقط", "no words"),
    "json.jsonl": ("{'text': 1}", "not JSON"),
    "cut.jsonl": ('{"text": "نص', "not JSON"),
    "lacks.jsonl": ('{"title": "x"}', "lacks 'text'"),
    "null.jsonl": ('{"text": null}', "lacks 'text'"),
    "number.jsonl": ('{"text": 5}', "text: "),
    "nan.jsonl": ('{"text": NaN}', "text: "),
    "array.jsonl": ('{"text": ["نص", 1]}', "text: "),
    "list.jsonl": ("[1, 2]", "not an object"),
    "string.jsonl": ('"نص"', "not an object"),
    "nested.jsonl": ("[" * 100_000, "nested too deeply"),
    "words.jsonl": ('{"text": "?!"}', "no words"),
    "long.jsonl": (json.dumps({"text": "a" * (MAX_CHARS + 1)}), "1,001 characters, at most 1,000"),
    "json.json": ("{'text': 1}", "not JSON"),
    "cut.json": ('{"text":\n"نص"', "not JSON"),
    "empty.json": ("", "empty"),
    "lacks.json": ('{\n"title": "x"\n}', "lacks 'text'"),
    "array.json": ('["نص"]', "not an object"),
    "no-array.json": ("[]", "empty"),
    "nested.json": ("[" * 100_000, "nested too deeply"),
    "long.json": (json.dumps({"text": "a" * (MAX_CHARS + 1)}, indent=1), "1,001 characters, at most 1,000"),
    "a.xyz": (b"%PDF-1.7", "does not read .xyz"),
    "Makefile": ("all:", "without a suffix"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_gives_the_reason(tmp_path, name):
    content, reason = UNREADABLE[name]
    assert reason in read_failure(tmp_path, name, content)


def test_a_reason_is_plain_sentences_and_no_traceback(tmp_path):
    for name in ("json.jsonl", "russian.txt", "binary.txt", "lacks.json", "a.xyz"):
        reason = read_failure(tmp_path, name, UNREADABLE[name][0])
        assert reason.endswith(".")
        assert "\n" not in reason
        assert "Error" not in reason


def test_files_beside_unreadable_ones_are_read(tmp_path):
    for name, (content, _) in UNREADABLE.items():
        write(tmp_path, name, content)
    write(tmp_path, "000.md", READABLE)
    write(tmp_path, "zzz.md", READABLE)
    results = [one for file, root in find_files([tmp_path]) for one in read_file(file, root, MAX_CHARS)]
    assert [one.id for one in results if isinstance(one, Article)] == ["000", "zzz"]


def test_lines_beside_unreadable_ones_are_read(tmp_path):
    bad = [
        content
        for name, (content, _) in UNREADABLE.items()
        if name.endswith(".jsonl") and isinstance(content, str) and content
    ]
    results = read_lines(tmp_path, {"text": "أول"}, *bad, {"text": "آخر"})
    assert [one.text for one in results if isinstance(one, Article)] == ["أول", "آخر"]
    assert all(one.path.startswith(f"{tmp_path / 'a.jsonl'}:") for one in results if isinstance(one, ReadFailure))


def test_a_failure_of_a_line_names_the_line(tmp_path):
    _, failure, _ = read_lines(tmp_path, {"text": "أول"}, "{", {"text": "آخر"})
    assert failure == ReadFailure(f"{tmp_path / 'a.jsonl'}:2", failure.reason)


def test_a_huge_file_is_refused_by_its_size(tmp_path):
    file = tmp_path / "huge.txt"
    with file.open("wb") as huge:
        huge.truncate(2**40)  # a hole: it takes no room
    (failure,) = read_file(file, tmp_path, MAX_CHARS)
    assert "too large (1099512 MB)" in failure.reason
    assert "DALIL_MAX_ARTICLE_CHARS" in failure.reason


def test_a_huge_json_line_is_refused_without_reading_it_whole(tmp_path):
    file = write(tmp_path, "a.jsonl", '{"text": "أول"}\n')
    with file.open("r+b") as huge:
        huge.seek(2**25)
        huge.write('\n{"text": "آخر"}\n'.encode())
    tracemalloc.start()
    first, failure, last = read_file(file, tmp_path, MAX_CHARS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (first.text, last.text) == ("أول", "آخر")
    assert isinstance(failure, ReadFailure)
    assert peak < 2**23


def test_a_file_at_the_limit_is_read(tmp_path):
    assert len(read_article(tmp_path, "a.txt", "語" * MAX_CHARS).text) == MAX_CHARS
    assert len(read_article(tmp_path, "b.txt", "😀" * (MAX_CHARS - 1) + "a").text) == MAX_CHARS


def test_a_file_that_does_not_exist_is_a_failure(tmp_path):
    (failure,) = read_file(tmp_path / "gone.md", tmp_path, MAX_CHARS)
    assert failure == ReadFailure(str(tmp_path / "gone.md"), "It cannot be read: No such file or directory.")


# Which files are read


def test_files_come_in_order_of_name_each_once(tmp_path):
    for name in ("b.md", "a.txt", "sub/c.jsonl", "d.MARKDOWN", "e.xyz", "f"):
        write(tmp_path, name, READABLE)
    listed = find_files([tmp_path, tmp_path / "b.md", tmp_path / "sub"])
    assert [file.relative_to(tmp_path).as_posix() for file, _ in listed] == [
        "a.txt",
        "b.md",
        "d.MARKDOWN",
        "sub/c.jsonl",
    ]
    assert {root for _, root in listed} == {tmp_path}


def test_a_file_given_directly_counts_from_its_folder(tmp_path):
    file = write(tmp_path, "sub/a.md", READABLE)
    assert find_files([file]) == [(file, tmp_path / "sub")]


def test_a_file_given_directly_is_listed_whatever_its_suffix(tmp_path):
    file = write(tmp_path, "a.xyz", "x")
    assert find_files([file]) == [(file, tmp_path)]


def test_hidden_files_and_folders_are_skipped(tmp_path):
    for name in (".git/a.md", "sub/.cache/b.md", ".c.md", "d.md"):
        write(tmp_path, name, READABLE)
    assert find_files([tmp_path]) == [(tmp_path / "d.md", tmp_path)]


def test_a_hidden_folder_given_directly_is_read(tmp_path):
    file = write(tmp_path, ".notes/a.md", READABLE)
    assert find_files([tmp_path / ".notes"]) == [(file, tmp_path / ".notes")]


def test_a_folder_named_like_a_file_is_a_folder(tmp_path):
    file = write(tmp_path, "a.md/b.md", READABLE)
    assert find_files([tmp_path]) == [(file, tmp_path)]


def test_a_folder_with_nothing_to_read_is_an_error(tmp_path):
    write(tmp_path, "a.xyz", "x")
    with pytest.raises(InputError, match=r"nothing to read here .*\*\.md.* Nothing was changed"):
        find_files([tmp_path])


def test_a_path_that_does_not_exist_is_an_error(tmp_path):
    write(tmp_path, "a.md", READABLE)
    with pytest.raises(InputError, match=r"gone does not exist"):
        find_files([tmp_path, tmp_path / "gone"])


# Every format, as a file and over HTTP

CONTENTS = {
    "Markdown": "# عنوان\n\nنص",
    "plain text": "نص",
    "JSON lines": '{"id": "key", "text": "نص"}\n',
    "JSON": '{\n"id": "key",\n"text": "نص"\n}',
    "web page": "<html><head><title>عنوان</title></head><body><p>نص</p></body></html>",
    "CSV": "نص\n",
    "e-mail": "Subject: a\n\nنص\n",
    "PDF": make_pdf([[right_aligned(540, 700, 12, "نص")]]),
}
TEXTS = [known for known in FORMATS if known.name in CONTENTS]
"""The others are archives: test_documents.py."""


@pytest.mark.parametrize("known", TEXTS, ids=lambda known: known.name)
def test_a_format_is_known_by_each_suffix_and_each_media_type(tmp_path, known):
    for suffix in known.suffixes:
        one = read_article(tmp_path, f"a{suffix}", CONTENTS[known.name])
        assert (one.text, format_of_file(tmp_path / f"A{suffix.upper()}")) == ("نص", known)
    for media_type in known.media_types:
        assert format_of_media_type(f" {media_type.upper()} ; charset=utf-8") is known
    assert set(known.suffixes) <= set(SUFFIXES)
    assert set(known.media_types) <= set(MEDIA_TYPES)


def test_another_suffix_or_media_type_has_no_format(tmp_path):
    assert format_of_file(tmp_path / "a.xyz") is format_of_media_type("application/xyz") is None
    assert format_of_media_type("") is None


@pytest.mark.parametrize("known", TEXTS, ids=lambda known: known.name)
def test_an_upload_is_an_article_of_that_name(known):
    content = CONTENTS[known.name]
    (one,) = read_upload(content if isinstance(content, bytes) else content.encode(), known, "name", MAX_CHARS)
    assert (one.id, one.text, one.source) == ("key" if "JSON" in known.name else "name", "نص", "upload:name")


def test_lines_of_an_upload_without_an_id_are_called_by_its_name_and_their_number():
    content = join_lines({"text": "أول"}, "{", {"text": "ثالث"}).encode()
    first, failure, last = read_upload(content, format_of_media_type("application/jsonl"), "name", MAX_CHARS)
    assert (first.id, failure.path, last.id) == ("name:1", "name:2", "name:3")
    assert first.source == last.source == "upload:name"


def test_an_upload_that_cannot_be_read_is_a_failure():
    (failure,) = read_upload(b"\0", format_of_media_type("text/plain"), "name", MAX_CHARS)
    assert failure == ReadFailure("name", "It is not text: it holds NUL bytes.")
