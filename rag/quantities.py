"""Numbers with what they count, alike in both languages: `27 دقيقة` is `27 minutes` and is not `27 ساعة`."""

from rag.text import folded, numbers, terms

_NAMES = {
    "minute": "دقيقه دقائق دقيقتين minute minutes",
    "hour": "ساعه ساعات ساعتين hour hours",
    "day": "يوم يوما ايام يومين day days",
    "week": "اسبوع اسبوعا اسابيع week weeks",
    "month": "شهر شهرا اشهر شهور month months",
    "year": "سنه سنوات سنين عام عاما اعوام year years",
    "metre": "متر مترا امتار metre metres meter meters",
    "kilometre": "كيلومتر كيلومترا كيلومترات كم km kilometre kilometres kilometer kilometers",
    "mile": "ميل ميلا اميال mile miles",
    "percent": "مئه المئه بالمئه مائه المائه بالمائه percent",
    "degree": "درجه درجات degree degrees",
    "thousand": "الف الفا الاف thousand",
    "million": "مليون مليونا ملايين million millions",
    "billion": "مليار مليارا مليارات billion billions",
    "January": "يناير كانون january",
    "February": "فبراير شباط february",
    "March": "مارس اذار march",
    "April": "ابريل نيسان april",
    "May": "مايو ايار may",
    "June": "يونيو حزيران june",
    "July": "يوليو تموز july",
    "August": "اغسطس اب august",
    "September": "سبتمبر ايلول september",
    "October": "اكتوبر october",
    "November": "نوفمبر november",
    "December": "ديسمبر december",
    "Muharram": "محرم المحرم muharram",
    "Safar": "صفر safar",
    "Rajab": "رجب rajab",
    "Shaban": "شعبان shaban",
    "Ramadan": "رمضان ramadan",
    "Shawwal": "شوال shawwal",
}
_UNIT = {folded(word): unit for unit, words in _NAMES.items() for word in words.split()}
_CALENDAR = {unit for unit in _NAMES if unit[0].isupper()}
_WORDS_AFTER = 2  # "40 مليون دولار", "20 في المئة"


def quantities(text: str) -> dict[str, set[str]]:
    """Each number of `text` with the units or months beside it; a number without any has an empty set."""
    words = [term.surface for term in terms(text.replace("%", " في المئه ").replace("٪", " في المئه "))]
    found: dict[str, set[str]] = {number: set() for number in numbers(text)}
    for at, word in enumerate(words):
        number = next(iter(numbers(word)), None) if word[0].isdigit() else None
        if number is None:
            continue
        beside = {_UNIT[after] for after in words[at + 1 : at + 1 + _WORDS_AFTER] if after in _UNIT}
        before = {_UNIT[word] for word in words[max(0, at - 1) : at] if word in _UNIT} & _CALENDAR
        found.setdefault(number, set()).update(beside | before)
    return found


def borne_out(statement: str, passage: str) -> bool:
    """Whether every number of `statement` stands in `passage`, and where both name what it counts, the same thing."""
    stands = quantities(passage)
    return all(
        number in stands and (not units or not stands[number] or bool(units & stands[number]))
        for number, units in quantities(statement).items()
    )
