"""Front matter in YAML, TOML and JSON, and what only looks like it."""

import pytest

from ingest.readers import ReadWarning, format_of_media_type, read_upload
from rag.types import Article


def read(content):
    article, *warnings = read_upload(content.encode(), format_of_media_type("text/markdown"), "name", 10_000)
    assert isinstance(article, Article), article
    assert all(isinstance(warning, ReadWarning) for warning in warnings)
    return article, [warning.reason for warning in warnings]


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: البحر\ndate: 2021-07-01\ntopic: ماء\n---\n",
        "---\nTitle: البحر\nDate: 2021-07-01\nTopic: [ماء]\n...\n",
        '+++\ntitle = "البحر"\ndate = 2021-07-01\ntopic = "ماء"\ntags = ["a", "b"]\n+++\n',
        '{\n"title": "البحر",\n"date": "2021-07-01",\n"topic": "ماء"\n}\n\n',
        '{"title": "البحر", "date": "2021-07-01", "topic": "ماء"}\n',
    ],
)
def test_each_kind_gives_the_fields(front):
    article, warnings = read(f"{front}البحر واسع.")
    assert (article.title, article.date, article.topic) == ("البحر", "2021-07-01", "ماء")
    assert (article.text, warnings) == ("البحر واسع.", [])


@pytest.mark.parametrize(
    "content",
    [
        "---\n\n# خطاب الافتتاح\n\nالمدرسة تضم 36 فصلًا: عشرون للبنات.\n\n---\n\nثم شكرت المتطوعين.",
        "---\nفصل\n---\nثان",
        "---\n- أول\n- ثان\n---\nنص",
        "---\nword\n---\nنص",
        "---\ntitle: x\n\nفقرة من كلام لا مفتاح له: نعم\n\n---\nنص",
        "+++\nكلام\n+++\nنص",
        "{كلام} نص",
        '{"مفتاح": "كلام"} نص',
        "---\nكلام بلا خاتمة",
        "---",
    ],
)
def test_what_has_no_known_key_is_text(content):
    words = [word.strip('#-+.{}[]":،') for word in content.split()]
    found = list(read_upload((content + "\n\nختام").encode(), format_of_media_type("text/markdown"), "n", 10_000))
    shown = f"{found[0].title} {found[0].text}"
    assert [word for word in words if word and word not in shown] == []


def test_a_value_with_a_colon_is_read_and_told():
    article, warnings = read("---\ntitle: الزراعة: دروس\ndate: 2023-12-01\ntags:\n  - a\n---\nنص")
    assert (article.title, article.date, article.text) == ("الزراعة: دروس", "2023-12-01", "نص")
    assert warnings == ["The front matter is not YAML in line 2: it is read line by line."]


def test_toml_that_is_not_quite_toml_is_read_line_by_line():
    article, warnings = read("+++\ntitle = البحر\n+++\nنص")
    assert (article.title, article.text) == ("البحر", "نص")
    assert warnings == ["The front matter is not TOML: it is read line by line."]


def test_front_matter_that_is_not_closed_ends_with_its_keys():
    article, warnings = read("---\ntitle: بلا خاتمة\ndate: 2024-03-03\n\nافتتح المتحف: فيه 540 قطعة.")
    assert (article.title, article.date, article.text) == (
        "بلا خاتمة",
        "2024-03-03",
        "افتتح المتحف: فيه 540 قطعة.",
    )
    assert warnings == ["The front matter is not closed: it is taken to end before line 4."]


def test_values_stay_as_they_were_written():
    article, warnings = read("---\ntitle: نعم\nid: 2024-05-01\nurl:\ntopic: no\ndate: ~\n---\nنص")
    assert (article.id, article.topic, article.url, article.date) == ("2024-05-01", "no", None, None)
    assert warnings == []


def test_lang_is_the_language():
    assert read("---\nlang: en\n---\nنص")[0].language == "en"
    assert read("---\nlang: en\nlanguage: ar\n---\nThe sea.")[0].language == "ar"


def test_a_tag_of_yaml_makes_nothing():
    article, _ = read("---\ntitle: !!python/object:os.system x\n---\nنص")
    assert article.title == "x"
