"""Markdown beyond CommonMark: words are kept, marks and what is not shown are gone."""

import pytest

from ingest.chunker import chunk_article
from ingest.readers import format_of_media_type, read_upload
from rag.language.sentences import find_sentences


def read(content, max_chars=100_000):
    (article,) = read_upload(content.encode(), format_of_media_type("text/markdown"), "name", max_chars)
    return article


def words(content):
    return read(content).text


TABLE = "| الاسم | العدد | ملاحظة |\n|:--|--:|---|\n"
TABLE += "| د. علي | 12 | يفتح صباحًا. ويغلق مساءً. |\n| **منى** | `7` | [رابط](x) |"
ROWS = ["الاسم | العدد | ملاحظة", "د. علي | 12 | يفتح صباحًا. ويغلق مساءً.", "منى | 7 | رابط"]


def test_a_row_of_a_table_is_a_line_with_the_heading_first():
    assert words(f"قبل.\n\n{TABLE}\n\nبعد.").split("\n\n") == ["قبل.", "\n".join(ROWS), "بعد."]


def test_a_row_of_a_table_is_a_sentence():
    text = words(f"أول. ثان.\n\n{TABLE}\n\nثالث. رابع.")
    assert [text[slice(*span)].strip() for span in find_sentences(text)] == ["أول.", "ثان.", *ROWS, "ثالث.", "رابع."]


def test_no_chunk_cuts_a_row():
    lines = [f"| مدينة {number} | {number * 3} | كذا. وكذا. |" for number in range(200)]
    article = read("\n".join(["| المدينة | العدد | ملاحظة |", "|---|---|---|", *lines]))
    chunks = chunk_article(article, 320)
    assert len(chunks) > 3
    assert [line for chunk in chunks for line in chunk.text.split("\n")] == article.text.split("\n")
    assert all(article.text[chunk.start : chunk.end] == chunk.text for chunk in chunks)


def test_a_long_line_with_a_separator_is_prose():
    text = "جملة من كلام كثير. " * 40 + "يمين | يسار. وبعد."
    assert len(find_sentences(text)) == 42


def test_rows_keep_every_cell_and_are_not_filled_up():
    assert words("|ا|ب|\n|-|-|\n|1|2|3|4|\n|5|\n||6|\n| | |\n") == "ا | ب\n1 | 2 | 3 | 4\n5\n | 6".strip()


def test_a_table_in_a_quote_or_a_list_is_read():
    assert words("> |ا|ب|\n> |-|-|\n> |1|2|\n\nبعد") == "ا | ب\n1 | 2\n\nبعد"
    assert words("- |ا|ب|\n  |-|-|\n  |1|2|\n") == "• ا | ب\n1 | 2"


def test_a_break_in_a_cell_ends_no_row():
    assert words("|ا|ب|\n|-|-|\n|1<br>2|3|\n") == "ا | ب\n1 2 | 3"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "عام 2018[^1] بدأت[^قدرة].\n\n[^1]: التقرير، صفحة 12.\n[^قدرة]: الاسمية.",
            "عام 2018 بدأت.\n\nالتقرير، صفحة 12.\n\nالاسمية.",
        ),
        ("نص[^9] بلا حاشية", "نص بلا حاشية"),
        ("[^abc] نص", "[^abc] نص"),
        ("[^1]: حاشية لا يشار إليها", "حاشية لا يشار إليها"),
        ("شركة ~~بنسبة 40%~~ بنسبة 55%.", "شركة بنسبة 55%."),
        ("~50% من 100~", "~50% من 100~"),
        ("- [x] تمت\n- [ ] تبدأ\n- [y] غير\n", "• تمت\n\n• تبدأ\n\n• [y] غير"),
        ("انظر [[محطات أخرى|المحطات]] و[[النهر]].", "انظر المحطات والنهر."),
        ("و==نص *مهم*== أ == ب `==c==`", "و==نص مهم== أ == ب ==c=="),
        ("نص ==مهم جدًا== أ == ب", "نص مهم جدًا أ == ب"),
        ("> [!NOTE]\n> تتوقف المحطة.", "تتوقف المحطة."),
        ("> [!tip]- عنوان\n> نص", "عنوان نص"),
        ("> اقتباس [!NOTE]", "اقتباس [!NOTE]"),
    ],
)
def test_marks_beyond_commonmark_go_and_words_stay(content, expected):
    assert words(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("نص <b>عريض</b> و<span class='n'>عدد</span>", "نص عريض وعدد"),
        ('<div dir="rtl">\n\nزار <b>45</b> زائر<br>منهم\n\n</div>', "زار 45 زائر\nمنهم"),
        ('<p style="color:red">فقرة</p><p>أخرى</p>', "فقرة\nأخرى"),
        ("<ul><li>أول</li><li>ثان</li></ul>", "• أول\n• ثان"),
        ("قبل <!-- سر --> بعد", "قبل بعد"),
        ("<!-- سر\n\n# سر ثان\n\nآخر --> بعد\n\nنص", "بعد\n\nنص"),
        ("<script>\nvar x = 1;\n\nvar y = 2;\n</script>\n\nنص", "نص"),
        ("<STYLE>p {}</STYLE>\nنص", "نص"),
        ("نص <script>alert(1)</script> آخر", "نص آخر"),
        ("نص <del>قديم</del> جديد", "نص جديد"),
        ("نص <del>لم يغلق", "نص لم يغلق"),
        ("<!-- لم يغلق\n\nنص", "<!-- لم يغلق\n\nنص"),
        ("<script>لم يغلق\n\nنص", "لم يغلق\n\nنص"),
        ("أ < ب و c<d و 3 <4", "أ < ب و c<d و 3 <4"),
        ("`<b>` و\\<i>", "<b> و<i>"),
        ("```html\n<b>x</b> <!-- y -->\n```", "<b>x</b> <!-- y -->"),
        ('<img src="data:image/png;base64,' + "A" * 5_000 + '"> نص', "نص"),
        ("<!DOCTYPE html>\nنص", "نص"),
        ("- <!-- سر -->\n  بند", "• بند"),
    ],
)
def test_tags_go_with_what_is_not_shown_and_words_stay(content, expected):
    assert words(content) == expected


def test_a_table_in_html_has_a_row_a_line():
    rows = "<tr><th>القاعة</th><th>المقاعد</th></tr>\n<tr>\n<td>ابن سينا</td>\n<td>240</td>\n</tr>"
    assert words(f"<table>{rows}</table>\n\nنص") == "القاعة | المقاعد\nابن سينا | 240\n\nنص"
