import random
from pathlib import Path

import pytest

from ingest.readers import format_of_media_type, read_upload
from ingest.reasons import code_of
from rag.language.health import heal_text, judge_headings, judge_health, reverse_line

ARTICLES = Path(__file__).parent.parent / "articles"
TEXT = (
    "تعرض الشركة في هذا التقرير حصيلة عملها في المدينة خلال عام 2024، وهو العام التاسع عشر منذ تأسيسها. "
    "نقلت في ذلك العام 48.6 مليون راكب (ص. 3)، وذهب الباقي إلى الترام. "
    "وقالت رئيسة مجلس الإدارة إن الراكب كان يسأل متى تأتي الحافلة."
)
PARAGRAPHS = [part for file in sorted(ARTICLES.glob("*.md")) for part in file.read_text("utf-8").split("\n\n")]


def turn(text):
    """Text in visual order, as it would stand in a file."""
    return "\n".join(map(reverse_line, text.split("\n")))


def test_no_paragraph_of_the_sample_articles_is_refused():
    assert [part for part in PARAGRAPHS if not judge_health(part).is_good] == []


def test_reversed_text_is_told_and_turned_round():
    assert judge_health(turn(TEXT)).state == "reversed"
    assert heal_text(turn(TEXT))[0] == TEXT


def test_every_reversed_paragraph_is_told():
    long = [part for part in PARAGRAPHS if len(part.split()) > 25 and judge_headings(part).is_good and "ال" in part]
    assert [part for part in long if judge_health(turn(part)).state != "reversed"] == []


@pytest.mark.parametrize(("written", "read"), [("utf-8", "latin-1"), ("cp1256", "latin-1"), ("cp1256", "cp1252")])
def test_text_in_a_wrong_encoding_is_mended(written, read):
    wrong = TEXT.encode(written).decode(read)
    assert judge_health(wrong).state == "mojibake"
    assert heal_text(wrong)[0] == TEXT


def test_exchanged_letters_are_garbled():
    shuffled = str.maketrans("ابتجحدرسعفقكلمنهوي", "فحلىكذوزأرآسجاإؤغص")
    assert heal_text(TEXT.translate(shuffled))[1].state == "garbled"


def test_lost_letters_are_told():
    lost = "".join("?" if "ء" <= char <= "ي" else char for char in TEXT)
    assert judge_health(lost).state == "lost"
    assert judge_health(TEXT.replace("ر", "\ufffd")).state == "lost"


@pytest.mark.parametrize(
    "text", ["نص", "متى؟", "Hyperion is a cluster.", "«Château» قصر في فرنسا", "كيف؟؟؟ لماذا؟ ومتى"]
)
def test_short_and_mixed_texts_are_good(text):
    assert judge_health(text).is_good


def test_another_language_is_no_fault():
    assert judge_health("これは日本語の文章です").state == "other language"


def test_headings_in_a_broken_font_are_told():
    good = "الإجازة السنوية الإجازة المرضية ساعات العمل إجازة الحج أحكام عامة نهاية الخدمة الإجازة بلا راتب الجزاءات"
    assert judge_headings(good).is_good
    assert not judge_headings(good.translate(str.maketrans("ازةد", "فطـذ"))).is_good


def test_an_article_that_runs_backwards_is_turned_round_in_every_format():
    one, warning = read_upload(turn(TEXT).encode(), format_of_media_type("text/plain"), "name", 10_000)
    assert one.text == TEXT
    assert "backwards" in warning.reason


def test_text_that_lost_a_twentieth_of_its_letters_is_told():
    text = (ARTICLES / "hope-probe.md").read_text("utf-8")
    chance = random.Random(3)
    kept = "".join(char for char in text if not (char.isalpha() and chance.random() < 0.05))
    assert (judge_health(text).state, judge_health(kept).code) == ("ok", "text_dropped")


def test_the_spelling_of_the_quran_lost_no_letters():
    text = (
        "ٱلۡحَمۡدُ لِلَّهِ رَبِّ ٱلۡعَٰلَمِينَ ٱلرَّحۡمَٰنِ ٱلرَّحِيمِ مَٰلِكِ يَوۡمِ ٱلدِّينِ إِيَّاكَ نَعۡبُدُ وَإِيَّاكَ نَسۡتَعِينُ ٱهۡدِنَا "
        "ٱلصِّرَٰطَ ٱلۡمُسۡتَقِيمَ صِرَٰطَ ٱلَّذِينَ أَنۡعَمۡتَ عَلَيۡهِمۡ غَيۡرِ ٱلۡمَغۡضُوبِ عَلَيۡهِمۡ وَلَا ٱلضَّآلِّينَ ٱلسَّمَٰوَٰتِ ٱلۡإِنسَٰنَ "
        "ٱلۡكِتَٰبَ ٱلصَّلَوٰةَ رَزَقۡنَٰهُمۡ يُنفِقُونَ ٱلۡكَٰفِرِينَ أَبۡصَٰرِهِمۡ غِشَٰوَةٌ"
    )
    assert judge_health(text).is_good


def test_text_that_lost_letters_here_and_there_is_told():
    article = (ARTICLES / "hejaz-railway.md").read_text("utf-8")
    letters = [at for at, char in enumerate(article) if char.isalpha()]
    lost = set(letters[::4])
    assert judge_health("".join(char for at, char in enumerate(article) if at not in lost)).state == "lost"
    assert judge_health(article).is_good


LONG = [*(TEXT for _ in range(15))]
SHUFFLED = str.maketrans("ابتجحدرسعفقكلمنهوي", "فحلىكذوزأرآسجاإؤغص")


def read_text(text):
    return list(read_upload(text.encode(), format_of_media_type("text/plain"), "name", 100_000))


def test_an_article_says_what_its_text_is():
    letters = "\n".join([TEXT.translate(SHUFFLED)] * 3)
    found = {
        "ok": TEXT,
        "other language": "これは日本語の文章です。" * 3,
        "mended": turn(TEXT),
        "garbled": letters,
    }
    assert {state: read_text(text)[0].health for state, text in found.items()} == {state: state for state in found}
    assert code_of(read_text(letters)[1].reason) == "text_odd"


@pytest.mark.parametrize("break_text", [turn, lambda text: text.encode("cp1256").decode("latin-1")])
def test_a_part_that_is_broken_is_mended_alone(break_text):
    broken = "\n".join([*LONG, *map(break_text, LONG[:9]), *LONG])
    one, warning = read_text(broken)
    assert (one.text, one.health, code_of(warning.reason)) == ("\n".join([*LONG, *LONG[:9], *LONG]), "mended", "mended")


def test_a_part_that_cannot_be_mended_is_told():
    broken = "\n".join([*LONG, *(text.translate(SHUFFLED) for text in LONG[:8]), *LONG])
    one, warning = read_text(broken)
    assert (one.text, one.health, code_of(warning.reason)) == (broken, "mixed", "text_mixed")
    assert warning.reason.startswith("A part of its text is damaged. Its letters are not those")


def test_no_stretch_of_the_sample_articles_is_bad():
    texts = [file.read_text("utf-8") for file in sorted(ARTICLES.glob("*.md"))]
    assert {heal_text(text)[1].state for text in texts} == {"ok"}
