"""What numbers count, alike in both languages: `27 دقيقة` is `27 minutes` and is not `27 ساعة`."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from rag.language.numbers import Numeral, numerals
from rag.language.word_tokens import Word, looked_up, table

_NAMES = {
    "second": "ثانية ثوان ثواني ثانيتين ثانيتان second seconds sec",
    "minute": "دقيقة دقائق دقيقتين دقيقتان minute minutes min",
    "hour": "ساعة ساعات ساعتين ساعتان hour hours hourly h",
    "day": "يوم أيام يومين يومان يومي يوميا day days daily",
    "week": "أسبوع أسابيع أسبوعين أسبوعان أسبوعي أسبوعيا week weeks weekly",
    "month": "شهر أشهر شهور شهرين شهران شهري شهريا month months monthly",
    "year": "سنة سنوات سنين سنتين سنتان سنوي سنويا عام أعوام عامين عامان حول حولين year years yearly annual annually",
    "decade": "عقد عقود عقدين عقدان decade decades",
    "century": "قرن قرون قرنين قرنان century centuries",
    "millimetre": "مليمتر مليمترات ملم مم millimetre millimetres millimeter millimeters mm",
    "centimetre": "سنتيمتر سنتيمترات سنتمتر سنتمترات سم centimetre centimetres centimeter centimeters cm",
    "metre": "متر أمتار مترين متران م metre metres meter meters m",
    "kilometre": "كيلومتر كيلومترات كيلومترين كيلومتران كلم كم kilometre kilometres kilometer kilometers km kmh kph",
    "inch": "بوصة بوصات إنش inch inches",
    "foot": "قدم أقدام قدمين قدمان foot feet ft",
    "yard": "ياردة ياردات yard yards yd",
    "mile": "ميل أميال ميلين ميلان mile miles mph",
    "hectare": "هكتار هكتارات hectare hectares ha",
    "acre": "فدان أفدنة فدادين acre acres",
    "dunam": "دونم دونمات dunam dunams dunum dunums",
    "milligram": "مليغرام مليغرامات ملليغرام ملغم ملغ مغ milligram milligrams mg",
    "gram": "غرام غرامات جرام جرامات غم gram grams g",
    "kilogram": "كيلوغرام كيلوغرامات كيلوجرام كيلوجرامات كيلو كغم كغ كجم kilogram kilograms kilo kilos kg",
    "ton": "طن طنا أطنان طنين طنان ton tons tonne tonnes",
    "quintal": "قنطار قناطير قنطارين quintal quintals",
    "pound": "رطل أرطال رطلين جنيه جنيهات pound pounds lb lbs gbp",
    "ounce": "أونصة أونصات ounce ounces oz",
    "litre": "لتر لترات ليتر ليترات litre litres liter liters",
    "millilitre": "مليلتر مليلترات مل millilitre millilitres milliliter milliliters ml",
    "decilitre": "ديسيلتر دل decilitre decilitres deciliter deciliters dl",
    "gallon": "غالون غالونات جالون gallon gallons",
    "barrel": "برميل براميل برميلين barrel barrels",
    "mole": "مليمول ملمول mmol millimole millimoles",
    "watt": "واط واطات وات watt watts w",
    "kilowatt": "كيلوواط كيلووات kilowatt kilowatts kw kwh",
    "megawatt": "ميغاواط ميجاواط ميغاوات ميجاوات megawatt megawatts mw mwh",
    "gigawatt": "غيغاواط جيجاواط غيغاوات جيجاوات gigawatt gigawatts gw gwh",
    "terawatt": "تيراواط تيراوات terawatt terawatts tw twh",
    "joule": "جول joule joules",
    "kilojoule": "كيلوجول kilojoule kilojoules kj",
    "megajoule": "ميغاجول ميجاجول megajoule megajoules mj",
    "gigajoule": "غيغاجول جيجاجول gigajoule gigajoules gj",
    "calorie": "سعرة سعرات calorie calories kcal",
    "volt": "فولت volt volts",
    "hertz": "هرتز hertz hz",
    "byte": "بايت byte bytes",
    "megabyte": "ميغابايت ميجابايت megabyte megabytes mb",
    "gigabyte": "غيغابايت جيجابايت gigabyte gigabytes gb",
    "terabyte": "تيرابايت terabyte terabytes tb",
    "percent": "% مئة مائة percent per_cent pc",
    "degree": "درجة درجات درجتين degree degrees",
    "dollar": "دولار دولارات دولارين dollar dollars usd",
    "euro": "يورو يوروهات euro euros eur",
    "dinar": "دينار دنانير دينارين دينارات dinar dinars",
    "dirham": "درهم دراهم درهمين dirham dirhams",
    "riyal": "ريال ريالات ريالين riyal riyals rial rials",
    "lira": "ليرة ليرات ليرتين lira liras lire",
    "franc": "فرنك فرنكات franc francs",
    "rupee": "روبية روبيات rupee rupees",
    "yen": "ين yen",
    "yuan": "يوان yuan",
    "AH": "هـ هجري هجرية للهجرة ah hijri",
    "CE": "م ميلادي ميلادية للميلاد ce ad",
    "BC": "ق.م bc bce",
}
UNITS = {alias: frozenset((unit,)) for alias, unit in table(_NAMES).items()}
UNITS["م"] = frozenset(("metre", "CE"))  # the abbreviation of both
_TIMES = frozenset(("second", "minute", "hour", "day", "week", "month", "year"))
_TWO = table({1: "ثانيتين ثانيتان دقيقتين دقيقتان ساعتين ساعتان يومين يومان أسبوعين أسبوعان شهرين شهران"}) | table(
    {1: "سنتين سنتان عامين عامان عقدين عقدان قرنين قرنان مترين متران كيلومترين كيلومتران قدمين ميلين ميلان"}
)
_WORDS_AFTER = 2  # "40 مليون دولار", "20 في المئة"
_OF_ONE = frozenset("a an one another every each per single كل لكل".split())
_AFTER_ONE = frozenset("واحد واحده اخر اخري".split())
_TODAY = frozenset(("اليوم", "today"))


class Counted(NamedTuple):
    """A number, and the unit it counts: the names that its word may stand for; none when it counts no unit."""

    number: Numeral
    unit: frozenset[str]


def units_of(word: str) -> frozenset[str]:
    """The units a folded word may name."""
    return looked_up(word, UNITS) or frozenset()


def counted(said: Sequence[Word]) -> list[Counted]:
    """Every number with its unit, and the duals (`ساعتان`), which are numbers by their form."""
    return [Counted(number, _unit(said, number)) for number in numerals(said)] + list(_duals(said))


def _unit(said: Sequence[Word], number: Numeral) -> frozenset[str]:
    if number.value == 1 and number.spelled and number.first and not said[number.first].text.isascii():
        return units_of(said[number.first - 1].text)  # كيلومتر واحد
    for at, word in enumerate(said[number.end : number.end + _WORDS_AFTER]):
        if word.text[0].isdigit():
            break
        unit = units_of(word.text)
        if unit and (at == 0 or len(word.text) > 1):  # one letter further off is "p.m."
            return frozenset() if _is_year(number) and unit & _TIMES else unit
    return frozenset()


def _is_year(number: Numeral) -> bool:
    return not number.spelled and 1000 <= number.value <= 2100


def _duals(said: Sequence[Word]) -> Iterator[Counted]:
    for at, word in enumerate(said):
        if looked_up(word.text, _TWO) and not word.text.startswith("ال"):
            half = said[at + 1].text.startswith("ونصف") if at + 1 < len(said) else False
            yield Counted(Numeral(2 + Fraction(half, 2), "cardinal", at, at + 1, True), units_of(word.text))


def single(said: Sequence[Word]) -> Iterator[frozenset[str]]:
    """The units of which one is meant, or each: `a month`, `كل شهر`, `شهرًا آخر`."""
    for at, word in enumerate(said):
        unit = units_of(word.text)
        before = said[at - 1].text if at else ""
        after = said[at + 1].text if at + 1 < len(said) else ""
        if unit and word.text not in _TODAY and (before in _OF_ONE or after in _AFTER_ONE):
            yield unit


def mentioned(said: Sequence[Word]) -> set[str]:
    """Every unit that some word may name."""
    return {unit for word in said for unit in units_of(word.text)}
