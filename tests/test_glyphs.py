from playa.font import Font

from ingest.pdf.glyph_lines import read_lines
from ingest.pdf.glyph_names import LOST, DrawnGlyph, GlyphNames
from ingest.pdf.glyph_order import make_cluster, read_order
from ingest.pdf.glyphs import Glyph

SIZE = 10.0
FONT = Font({}, {})


def draw(text, right, y=700.0, width=5.0):
    """A line as a shaper draws it: from left to right, the marks of a letter before it."""
    clusters = [text[0]]
    for char in text[1:]:
        if "\u064b" <= char <= "\u0652":
            clusters[-1] += char
        else:
            clusters.append(char)
    glyphs = []
    for at, cluster in enumerate(clusters):
        place = right - width * (at + 1)
        glyphs.append([*(Glyph(mark, place + 1, place + 1, y, SIZE) for mark in reversed(cluster[1:]))])
        if cluster[0] != " ":
            glyphs[-1].append(Glyph(cluster[0], place, place + width, y, SIZE))
    return [glyph for one in reversed(glyphs) for glyph in one]


def read(glyphs):
    return [line.text for line in read_lines(glyphs)]


def order(drawn, **options):
    return read_order([make_cluster(char) for char in drawn], is_rightwards=False, mirrors=False, **options)


def named(*glyphs):
    """What glyphs of one font say: (code, text, advance), drawn one after the other."""
    found, x = [], 0.0
    for code, text, advance in glyphs:
        found.append(DrawnGlyph(FONT, code, text, x, 0.0, advance, SIZE, None))
        x += advance
    return GlyphNames().name(found)


# Marks and words


def test_marks_stand_on_the_letters_that_they_are_drawn_before():
    text = "وُلِدَ أَبُو الطَّيِّبِ"
    assert read(draw(text, 500)) == [text]


def test_words_are_parted_where_space_is_free_without_glyphs_for_it():
    assert read(draw("سنة كندة", 500)) == ["سنة كندة"]


def test_a_mark_on_a_ligature_stands_on_the_letter_below_it():
    ligature = Glyph("في", 100, 112, 700, SIZE)
    single = [Glyph("َ", 121, 121, 700, SIZE), Glyph("ن", 120, 124, 700, SIZE)]
    assert read([Glyph("ِ", 108, 108, 700, SIZE), ligature, *single]) == ["نَ فِي"]
    assert read([Glyph("ِ", 102, 102, 700, SIZE), ligature, *single]) == ["نَ فيِ"]


def test_lam_alef_that_is_named_backwards_is_turned():
    assert read([Glyph("ال", 100, 106, 700, SIZE)]) == ["لا"]


def test_letters_that_are_drawn_twice_for_bold_print_are_read_once():
    line = draw("كتاب", 500)
    assert read([*line, *(one._replace(left=one.left + 0.3, right=one.right + 0.3) for one in line)]) == ["كتاب"]


def test_text_that_is_drawn_over_other_text_stays_together():
    found = read([*draw("المدينة القديمة", 500), *draw("البند", 450)])
    assert "البند" in found[0].split()


# Order


def test_numbers_and_latin_words_are_read_from_left_to_right():
    assert order("رتم 12.5 ةفاسم") == "مسافة 12.5 متر"
    assert order("اتيم Meta AI ةكرش") == "شركة Meta AI ميتا"


def test_a_sign_stands_before_its_number_and_a_percent_behind_it():
    assert order("5-") == "-5"
    assert order("٪٩٣٫٥ يأ") == "أي ٩٣٫٥٪"
    assert order("31% يأ") == "أي 31%"


def test_a_bracket_that_closes_within_latin_words_stays_with_them():
    assert order("Platforms (Meta) ةكرش") == "شركة Platforms (Meta)"


def test_brackets_that_are_named_by_their_looks_are_mirrored():
    assert read(draw("سنة )915 م( في".replace("915", "519"), 500)) == ["سنة (915 م) في"]
    assert read(draw("سنة (915 م) في".replace("915", "519"), 500)) == ["سنة (915 م) في"]


def test_an_arabic_word_in_an_english_line():
    clusters = [make_cluster(char) for char in "the word باتك here"]
    assert read_order(clusters, is_rightwards=True, mirrors=False) == "the word كتاب here"


# Columns


def test_a_title_stands_before_the_column_that_it_does_not_stand_above():
    left = [draw("افتتحت جامعة الفرات مختبر", 280, 700 - 15 * at, 7) for at in range(8)]
    right = [draw("وصار المختبر اليوم مفتوحا", 540, 700 - 15 * at, 7) for at in range(8)]
    title = [one._replace(size=20.0) for one in draw("عنوان الصفحة", 540, 760, 12)]
    lines = read([glyph for part in ([title], left, right) for line in part for glyph in line])
    assert lines == ["عنوان الصفحة", *["افتتحت جامعة الفرات مختبر"] * 8, *["وصار المختبر اليوم مفتوحا"] * 8]


# Names


def test_a_mark_that_is_named_for_its_cluster_keeps_the_mark_alone():
    assert named((1, "فِي", 0.0), (2, "", 8.0), (1, "فِي", 0.0), (3, "ب", 8.0)) == ["ِ", "في", "ِ", "ب"]


def test_a_letter_that_is_named_for_its_cluster_gives_the_mark_back():
    assert named((1, "", 0.0), (2, "أَ", 8.0), (3, "ن", 8.0), (2, "أَ", 8.0)) == ["َ", "أ", "ن", "أ"]


def test_a_letter_that_nothing_names_is_told_to_be_lost():
    assert named((1, "ب", 8.0), (2, "", 8.0)) == ["ب", LOST]


def test_a_span_with_a_text_of_its_own_says_what_its_glyphs_are():
    span = (1, "َّ")
    drawn = [DrawnGlyph(FONT, 7, "ِّ", 0, 0, 0, SIZE, span), DrawnGlyph(FONT, 8, "", 0, 0, 0, SIZE, span)]
    assert "".join(GlyphNames().name(drawn)) == "َّ"
