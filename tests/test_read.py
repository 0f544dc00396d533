import json
import os
import tracemalloc

import pytest

from ingest.readers import Failure, files, read
from rag.errors import InputError
from rag.types import Article

LONGEST = 1_000
GOOD = "---\ntitle: جيد\n---\nنص صالح."


def write(folder, name, content):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def found(folder, name, content):
    return list(read(write(folder, name, content), folder, LONGEST))


def only(folder, name, content):
    (one,) = found(folder, name, content)
    assert isinstance(one, Article), one
    return one


def refused(folder, name, content):
    (one,) = found(folder, name, content)
    assert isinstance(one, Failure), one
    assert one.path.startswith(str(folder / name))
    return one.reason


def markdown(folder, content):
    return only(folder, "a.md", content)


def lines(folder, *values):
    return found(
        folder, "a.jsonl", "\n".join(value if isinstance(value, str) else json.dumps(value) for value in values)
    )


# Markdown


def test_front_matter_gives_the_fields(tmp_path):
    one = markdown(
        tmp_path,
        "---\ntitle: البحر\nid: sea\nlanguage: en\nurl: https://example.org/sea\ndate: 2022-09-22\ntopic: ماء\n"
        "writer: زيد\n---\nالبحر واسع.",
    )
    assert (one.id, one.title, one.text, one.language) == ("sea", "البحر", "البحر واسع.", "en")
    assert (one.url, one.date, one.topic) == ("https://example.org/sea", "2022-09-22", "ماء")
    assert one.source == str((tmp_path / "a.md").resolve())


@pytest.mark.parametrize("front", ["", "---\n---\n", "---\n# nothing yet\n---\n", "---\nwriter: زيد\n...\n"])
def test_every_field_may_be_left_out(tmp_path, front):
    one = markdown(tmp_path, f"{front}البحر واسع.\n\nوعميق.")
    assert (one.id, one.title, one.language, one.url, one.date, one.topic) == (
        "a",
        "البحر واسع.",
        "ar",
        None,
        None,
        None,
    )


@pytest.mark.parametrize(("written", "kept"), [("id: 7", "7"), ('id: "٧"', "٧")])
def test_a_number_may_be_an_id(tmp_path, written, kept):
    assert markdown(tmp_path, f"---\n{written}\n---\nنص").id == kept


def test_the_language_is_that_of_the_text(tmp_path):
    assert markdown(tmp_path, "The sea is wide.").language == "en"
    assert markdown(tmp_path, "البحر واسع جداً (sea).").language == "ar"


def test_an_id_is_the_path_under_the_folder_read(tmp_path):
    assert only(tmp_path, "sub/dir/sea.md", "البحر").id == "sub/dir/sea"


def test_the_first_heading_is_the_title_and_no_part_of_the_text(tmp_path):
    one = markdown(tmp_path, "# *البحر* الواسع\n\nنص.\n\n# ثان\n\n## ثالث")
    assert (one.title, one.text) == ("البحر الواسع", "نص.\n\nثان\n\nثالث")


def test_a_title_in_front_matter_goes_before_the_heading(tmp_path):
    one = markdown(tmp_path, "---\ntitle: العنوان\n---\n# البحر\n\nنص.")
    assert (one.title, one.text) == ("العنوان", "نص.")


def test_only_the_first_of_two_headings_is_the_title(tmp_path):
    one = markdown(tmp_path, "# أول\n\n# ثان\n\nنص")
    assert (one.title, one.text) == ("أول", "ثان\n\nنص")


def test_a_heading_further_down_is_text(tmp_path):
    one = markdown(tmp_path, "نص.\n\n# البحر")
    assert (one.title, one.text) == ("نص.", "نص.\n\nالبحر")


def test_a_long_first_line_is_cut_at_a_word_for_the_title(tmp_path):
    title = markdown(tmp_path, "سفينة " * 40).title  # six characters: the 17th word would end at 101
    assert title == " ".join(["سفينة"] * 16) + "…"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_hard_wrapped_paragraph_is_one_line(tmp_path, end):
    assert markdown(tmp_path, end.join(["سطر أول", "سطر ثان", "", "فقرة"])).text == "سطر أول سطر ثان\n\nفقرة"


def test_a_hard_line_break_stays(tmp_path):
    assert markdown(tmp_path, "سطر  \nثان\\\nثالث").text == "سطر\nثان\nثالث"


def test_list_items_keep_a_mark_or_their_number(tmp_path):
    assert markdown(tmp_path, "- بند\n* آخر\n\nنص\n\n3. ثالث\n4. رابع").text.split("\n\n") == [
        "• بند",
        "• آخر",
        "نص",
        "3. ثالث",
        "4. رابع",
    ]


def test_a_nested_list_is_flat(tmp_path):
    assert markdown(tmp_path, "- بند\n  - فرع\n    تابع\n").text == "• بند\n\n• فرع تابع"


def test_a_list_however_deep_loses_no_word(tmp_path):
    text = markdown(tmp_path, "\n".join("  " * depth + f"- بند{depth}" for depth in range(15))).text
    assert [f"بند{depth}" in text for depth in range(15)] == [True] * 15


def test_inline_marks_are_removed(tmp_path):
    text = markdown(tmp_path, "**عريض** و*مائل* و`رمز` و[رابط](http://x) و![صورة](x.png) &amp; \\*نجمة\\*").text
    assert text == "عريض ومائل ورمز ورابط وصورة & *نجمة*"


def test_quotes_and_code_give_their_words(tmp_path):
    assert markdown(tmp_path, "> اقتباس\n\n```py\na = *b*\n```").text == "اقتباس\n\na = *b*"


def test_html_is_text_like_any_other(tmp_path):
    assert markdown(tmp_path, "نص <b>x</b>").text == "نص <b>x</b>"


@pytest.mark.parametrize("suffix", ["md", "markdown", "MD"])
def test_every_suffix_of_markdown_is_read(tmp_path, suffix):
    assert only(tmp_path, f"a.{suffix}", "# البحر\n\nنص").title == "البحر"


# Plain text and JSON lines


def test_plain_text_is_kept_as_it_is(tmp_path):
    one = only(tmp_path, "a.txt", "سطر *أول*\nسطر ثان\n\nفقرة\n")
    assert (one.title, one.text) == ("سطر *أول*", "سطر *أول*\nسطر ثان\n\nفقرة")


def test_each_json_line_is_an_article(tmp_path):
    one, other = lines(tmp_path, {"text": "نص أول", "title": "أول", "id": 5, "date": "2020"}, "", {"text": "نص ثان"})
    assert (one.id, one.title, one.text, one.date) == ("5", "أول", "نص أول", "2020")
    assert (other.id, other.title, other.text) == ("a:3", "نص ثان", "نص ثان")


def test_a_line_separator_inside_a_json_string_ends_no_line(tmp_path):
    (one,) = found(tmp_path, "a.jsonl", '{"text": "سطر\u2028ثان\x85"}\r\n')
    assert one.text == "سطر\u2028ثان"


def test_the_revision_is_that_of_the_content_not_of_the_file(tmp_path):
    one, other = only(tmp_path, "a.txt", "نص"), only(tmp_path, "b.md", "نص\n")
    assert one.revision == other.revision
    assert only(tmp_path, "a.txt", "نص آخر").revision != one.revision
    assert markdown(tmp_path, "---\ntopic: ماء\n---\nنص").revision != one.revision


# Encodings and characters


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_unicode_files_are_read(tmp_path, name, encoding):
    assert only(tmp_path, name, "مقالة عن البحر".encode(encoding)).text == "مقالة عن البحر"


def test_utf_16_of_the_other_byte_order_is_read(tmp_path):
    assert only(tmp_path, "a.txt", b"\xfe\xff" + "مقالة".encode("utf-16-be")).text == "مقالة"


def test_json_lines_in_utf_16_are_read(tmp_path):
    content = '{"text": "أول"}\n{"text": "ثان"}\n'.encode("utf-16")
    assert [getattr(one, "text", one) for one in found(tmp_path, "a.jsonl", content)] == ["أول", "ثان"]


@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path, name):
    assert only(tmp_path, name, "\ufeffنص").text == "نص"


def test_windows_line_ends_change_nothing(tmp_path):
    content = "---\ntitle: البحر\n---\nسطر\nثان\n\nفقرة"
    one, other = only(tmp_path, "a.md", content), only(tmp_path, "b.md", content.replace("\n", "\r\n"))
    assert (one.text, one.title, one.revision) == (other.text, other.title, other.revision)


def test_old_line_ends_are_line_ends(tmp_path):
    assert only(tmp_path, "a.txt", "a\rb\r\nc").text == "a\nb\nc"


def test_control_characters_become_spaces(tmp_path):
    assert only(tmp_path, "a.txt", "نص\x07ثان\x1b[31m\x7f\x85\tثالث").text == "نص ثان [31m  \tثالث"


def test_a_nul_escape_in_json_becomes_a_space(tmp_path):
    (one,) = lines(tmp_path, {"text": "نص\0ثان", "title": "عنوان\0", "id": "a\0b"})
    assert (one.text, one.title, one.id) == ("نص ثان", "عنوان", "a b")


def test_a_pair_of_surrogate_escapes_is_one_character(tmp_path):
    (one,) = lines(tmp_path, '{"text": "\\ud83d\\ude00 نص"}')
    assert one.text == "😀 نص"


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="file names there are Unicode")
def test_file_names_that_are_no_unicode_give_articles_that_can_be_stored(tmp_path):
    for name in (b"\xe3\xe4.txt", b"\xe5\xe6.txt"):
        with open(os.fsencode(tmp_path) + b"/" + name, "w") as file:
            file.write("word")
    one, other = (item for file, root in files([tmp_path]) for item in read(file, root, LONGEST))
    assert one.id.strip() != other.id.strip()
    assert f"{one.source}{one.id}{other.source}{other.id}".encode()


# What cannot be read says why


BAD = {
    "empty.md": ("", "empty"),
    "space.txt": (" \n\t\r\n", "empty"),
    "empty.jsonl": ("", "empty"),
    "blank.jsonl": ("\n \n", "empty"),
    "mark.txt": (b"\xef\xbb\xbf", "no words"),
    "binary.txt": (b"\x89PNG\r\n\x1a\n\0\0", "NUL"),
    "binary.md": (b"\0" * 100, "NUL"),
    "windows.txt": ("هذه مقالة عربية قديمة".encode("cp1256"), "Windows-1256"),
    "windows.md": ("---\ntitle: x\n---\nهذه مقالة عربية قديمة".encode("cp1256"), "Windows-1256"),
    "latin.txt": ("déjà vu, naïveté".encode("latin-1"), "not UTF-8 (byte 2)"),
    "half.txt": (b"\xff\xfe\x00\xd8a\x00", "UTF-16"),
    "odd.txt": (b"\xff\xfea", "UTF-16"),
    "long.txt": ("a" * (LONGEST + 1), "1,001 characters, at most 1,000"),
    "large.txt": ("a" * (4 * LONGEST + 1), "too large"),
    "open.md": ("---\ntitle: x\nنص", "not closed"),
    "colon.md": ("---\nid: a\ntitle: a: b\n---\nنص", "not YAML in line 3"),
    "tag.md": ("---\ntitle: !!python/object:os.system x\n---\nنص", "not YAML"),
    "when.md": ("---\ndate: 2020-13-45\n---\nنص", "not YAML"),
    "stamp.md": ("---\ndate: !!timestamp soon\n---\nنص", "not YAML"),
    "bool.md": ("---\ntopic: !!bool perhaps\n---\nنص", "not YAML"),
    "deep.md": (f"---\n{'[' * 900}\n---\nنص", "not YAML"),
    "list.md": ("---\n- a\n- b\n---\nنص", "name: value"),
    "word.md": ("---\nword\n---\nنص", "name: value"),
    "field.md": ("---\ntitle: [a, b]\n---\nنص", "title: "),
    "language.md": ("---\nlanguage: fr\n---\nنص", "language: "),
    "title.md": (f"---\ntitle: {'x' * 301}\n---\nنص", "title: "),
    "id.md": ('---\nid: " "\n---\nنص', "id: "),
    "marks.md": ("# \n\n***\n", "no words"),
    "signs.txt": ("!؟ … ()", "no words"),
    "heading.md": ("# عنوان فقط", "no words"),
    "json.jsonl": ("{'text': 1}", "not JSON"),
    "cut.jsonl": ('{"text": "نص', "not JSON"),
    "lacks.jsonl": ('{"title": "x"}', "lacks 'text'"),
    "null.jsonl": ('{"text": null}', "text: "),
    "number.jsonl": ('{"text": 5}', "text: "),
    "nan.jsonl": ('{"text": NaN}', "text: "),
    "array.jsonl": ('{"text": ["نص"]}', "text: "),
    "list.jsonl": ("[1, 2]", "dictionary"),
    "string.jsonl": ('"نص"', "dictionary"),
    "nested.jsonl": ("[" * 100_000, "nested too deeply"),
    "digits.jsonl": ('{"text": "نص", "n": ' + "1" * 5_000 + "}", "not JSON"),
    "surrogate.jsonl": ('{"text": "نص\\ud800"}', "text: "),
    "windows.jsonl": ('{"text": "هذه مقالة عربية قديمة"}'.encode("cp1256"), "Windows-1256"),
    "words.jsonl": ('{"text": "?!"}', "no words"),
    "long.jsonl": (json.dumps({"text": "a" * (LONGEST + 1)}), "1,001 characters, at most 1,000"),
    "a.pdf": (b"%PDF-1.7", "does not read .pdf"),
    "Makefile": ("all:", "without a suffix"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_says_why(tmp_path, name):
    content, reason = BAD[name]
    assert reason in refused(tmp_path, name, content)


def test_only_what_looks_arabic_is_called_windows_1256(tmp_path):
    assert "Windows" not in refused(tmp_path, "latin.txt", BAD["latin.txt"][0])


def test_a_message_is_one_plain_sentence_or_two_and_no_trace(tmp_path):
    for name in ("colon.md", "json.jsonl", "field.md", "windows.txt", "a.pdf"):
        reason = refused(tmp_path, name, BAD[name][0])
        assert reason.endswith(".")
        assert "\n" not in reason
        assert "Error" not in reason


def test_good_files_beside_bad_ones_are_still_read(tmp_path):
    for name, (content, _) in BAD.items():
        write(tmp_path, name, content)
    write(tmp_path, "000.md", GOOD)
    write(tmp_path, "zzz.md", GOOD)
    results = [one for file, root in files([tmp_path]) for one in read(file, root, LONGEST)]
    assert [one.id for one in results if isinstance(one, Article)] == ["000", "zzz"]


def test_good_lines_beside_bad_ones_are_still_read(tmp_path):
    bad = [content for name, (content, _) in BAD.items() if name.endswith("l") and isinstance(content, str) and content]
    results = lines(tmp_path, {"text": "أول"}, *bad, {"text": "آخر"})
    assert [one.text for one in results if isinstance(one, Article)] == ["أول", "آخر"]
    assert all(one.path.startswith(f"{tmp_path / 'a.jsonl'}:") for one in results if isinstance(one, Failure))


def test_a_failure_of_a_line_names_the_line(tmp_path):
    _, failure, _ = lines(tmp_path, {"text": "أول"}, "{", {"text": "آخر"})
    assert failure == Failure(f"{tmp_path / 'a.jsonl'}:2", failure.reason)


def test_a_huge_file_is_refused_by_its_size(tmp_path):
    file = tmp_path / "huge.txt"
    with file.open("wb") as huge:
        huge.truncate(2**40)  # a hole: it takes no room
    (failure,) = read(file, tmp_path, LONGEST)
    assert "too large (1099512 MB)" in failure.reason
    assert "DALIL_MAX_ARTICLE_CHARS" in failure.reason


def test_a_huge_json_line_is_refused_without_reading_it_whole(tmp_path):
    file = write(tmp_path, "a.jsonl", '{"text": "أول"}\n')
    with file.open("r+b") as huge:
        huge.seek(2**25)
        huge.write('\n{"text": "آخر"}\n'.encode())
    tracemalloc.start()
    first, failure, last = read(file, tmp_path, LONGEST)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (first.text, last.text) == ("أول", "آخر")
    assert isinstance(failure, Failure)
    assert peak < 2**23


def test_a_file_at_the_limit_is_read(tmp_path):
    assert len(only(tmp_path, "a.txt", "語" * LONGEST).text) == LONGEST
    assert len(only(tmp_path, "b.txt", "😀" * (LONGEST - 1) + "a").text) == LONGEST


def test_a_file_that_went_away_is_a_failure(tmp_path):
    (failure,) = read(tmp_path / "gone.md", tmp_path, LONGEST)
    assert failure == Failure(str(tmp_path / "gone.md"), "It cannot be read: No such file or directory.")


# Which files are read


def test_files_come_in_order_of_name_each_once(tmp_path):
    for name in ("b.md", "a.txt", "sub/c.jsonl", "d.MARKDOWN", "e.pdf", "f"):
        write(tmp_path, name, GOOD)
    listed = files([tmp_path, tmp_path / "b.md", tmp_path / "sub"])
    assert [file.relative_to(tmp_path).as_posix() for file, _ in listed] == [
        "a.txt",
        "b.md",
        "d.MARKDOWN",
        "sub/c.jsonl",
    ]
    assert {root for _, root in listed} == {tmp_path}


def test_a_file_given_directly_counts_from_its_folder(tmp_path):
    file = write(tmp_path, "sub/a.md", GOOD)
    assert files([file]) == [(file, tmp_path / "sub")]


def test_a_file_given_directly_is_listed_whatever_its_suffix(tmp_path):
    file = write(tmp_path, "a.pdf", "x")
    assert files([file]) == [(file, tmp_path)]


def test_hidden_files_and_folders_are_skipped(tmp_path):
    for name in (".git/a.md", "sub/.cache/b.md", ".c.md", "d.md"):
        write(tmp_path, name, GOOD)
    assert files([tmp_path]) == [(tmp_path / "d.md", tmp_path)]


def test_a_hidden_folder_given_directly_is_read(tmp_path):
    file = write(tmp_path, ".notes/a.md", GOOD)
    assert files([tmp_path / ".notes"]) == [(file, tmp_path / ".notes")]


def test_a_folder_named_like_a_file_is_a_folder(tmp_path):
    file = write(tmp_path, "a.md/b.md", GOOD)
    assert files([tmp_path]) == [(file, tmp_path)]


def test_a_folder_with_nothing_to_read_is_an_error(tmp_path):
    write(tmp_path, "a.pdf", "x")
    with pytest.raises(InputError, match=r"nothing to read here .*\*\.md.* Nothing was changed"):
        files([tmp_path])


def test_a_path_that_does_not_exist_is_an_error(tmp_path):
    write(tmp_path, "a.md", GOOD)
    with pytest.raises(InputError, match=r"gone does not exist"):
        files([tmp_path, tmp_path / "gone"])
