"""Names that sound unlike in the two languages, with what is called after them: Egypt and مصر, Dutch and هولندي.

Names that are carried over by sound need no entry. One row a name, English | Arabic; forms are
parted by commas; one with a ؟ behind it is an ordinary word as well (المدينة, the city).
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

from rag.language.text import fold, folded
from rag.types import Span

_ROWS = """
Egypt, Egyptian, Egyptians | مصر, مصري, مصرية, مصريين, مصريون
Morocco, Moroccan, Moroccans | المغرب, مغربي, مغربية, مغاربة
Algeria, Algerian, Algiers | الجزائر, جزائري, جزائرية
Tunisia, Tunisian, Tunis | تونس, تونسي, تونسية
Libya, Libyan | ليبيا, ليبي, ليبية
Sudan, Sudanese | السودان, سوداني, سودانية
Jordan, Jordanian | الأردن, أردني, أردنية
Syria, Syrian | سوريا, سورية, سوري
Levant, Greater Syria | الشام, شامي؟, شامية
Lebanon, Lebanese | لبنان, لبناني, لبنانية
Palestine, Palestinian, Palestinians | فلسطين, فلسطيني, فلسطينية, فلسطينيون, فلسطينيين
Israel, Israeli | إسرائيل, إسرائيلي, إسرائيلية
Iraq, Iraqi | العراق, عراقي, عراقية
Kuwait, Kuwaiti | الكويت, كويتي, كويتية
Saudi Arabia, Saudi | السعودية, سعودي, العربية السعودية
Emirates, United Arab Emirates, UAE, Emirati | الإمارات, الإمارات العربية المتحدة, إماراتي, إماراتية
Qatar, Qatari | قطر؟, قطري, قطرية
Bahrain, Bahraini | البحرين, بحريني, بحرينية
Oman, Omani | عمان, سلطنة عمان, عماني, عمانية
Yemen, Yemeni | اليمن, يمني, يمنية
Mauritania | موريتانيا
Somalia, Somali | الصومال, صومالي
Ethiopia, Abyssinia, Ethiopian | إثيوبيا, الحبشة, حبشي, إثيوبي, إثيوبية
Turkey, Turkish, Turks | تركيا, تركي, تركية, الأتراك
Ottoman, Ottomans | عثماني, عثمانية, العثمانيون, العثمانيين
Iran, Iranian | إيران, إيراني, إيرانية
Persia, Persian, Persians | فارس؟, بلاد فارس, فارسي, فارسية, الفرس؟
India, Indian, Indians | الهند, هندي, هندية, الهنود
Pakistan, Pakistani | باكستان, باكستاني
China, Chinese | الصين, صيني, صينية
Japan, Japanese | اليابان, ياباني, يابانية
Korea, Korean | كوريا, كوري, كورية
Russia, Russian | روسيا, روسي, روسية
Greece, Greek, Greeks | اليونان, يوناني, يونانية, إغريقي, إغريقية, الإغريق
Rome, Roman, Romans | روما, روماني؟, رومانية, الرومان
Byzantium, Byzantine, Byzantines | بيزنطة, بيزنطي, بيزنطية, الروم؟, رومي
Italy, Italian | إيطاليا, إيطالي, إيطالية
Spain, Spanish | إسبانيا, إسباني, إسبانية
Andalusia, al-Andalus, Andalusian | الأندلس, أندلسي, أندلسية
Portugal, Portuguese | البرتغال, برتغالي, برتغالية
France, French | فرنسا, فرنسي, فرنسية, الفرنسيون
Germany, German, Germans | ألمانيا, ألماني, ألمانية, الألمان
Austria, Austrian | النمسا, نمساوي, نمساوية
Hungary, Hungarian | المجر, هنغاريا, مجري, مجرية
Switzerland, Swiss | سويسرا, سويسري, سويسرية
Netherlands, Dutch, Holland | هولندا, هولندي, هولندية
Belgium, Belgian | بلجيكا, بلجيكي, بلجيكية
Britain, British, United Kingdom, UK, Great Britain | بريطانيا, بريطاني, بريطانية, المملكة المتحدة, البريطانيون
England, English, Englishman | إنجلترا, إنكلترا, إنجليزي, إنجليزية, الإنجليز, إنكليزي
Scotland, Scottish | اسكتلندا, اسكتلندي
Ireland, Irish | إيرلندا, أيرلندا, إيرلندي
Norway, Norwegian | النرويج, نرويجي
Sweden, Swedish | السويد, سويدي, سويدية
Denmark, Danish | الدنمارك, دنماركي
Finland, Finnish | فنلندا, فنلندي
Poland, Polish | بولندا, بولندي, بولندية
Cyprus, Cypriot | قبرص, قبرصي
Croatia, Croatian | كرواتيا, كرواتي, كرواتية
Serbia, Serbian | صربيا, صربي
Ukraine, Ukrainian | أوكرانيا, أوكراني
United States, US, USA, U.S, America, American | الولايات المتحدة, أمريكا, أمريكي, أمريكية, أميركا, أميركي, أميركية
Canada, Canadian | كندا, كندي, كندية
Mexico, Mexican | المكسيك, مكسيكي
Brazil, Brazilian | البرازيل, برازيلي
Argentina, Argentine | الأرجنتين, أرجنتيني, أرجنتينية
Australia, Australian | أستراليا, أسترالي, أسترالية
South Africa, South African, South Africans | جنوب أفريقيا, جنوب إفريقيا
Africa, African, Afro | أفرو, أفريقيا, إفريقيا, أفريقي, إفريقي, أفريقية, إفريقية
Asia, Asian | آسيا, آسيوي, آسيوية
Europe, European, Europeans | أوروبا, أوربا, أوروبي, أوروبية, الأوروبيون
Middle East | الشرق الأوسط
North Africa | شمال أفريقيا, شمال إفريقيا
Maghreb | المغرب العربي, بلاد المغرب
Gulf, Persian Gulf, Arabian Gulf, Arab Gulf | الخليج؟, الخليج العربي, خليجي, خليجية
Arab, Arabs, Arabic, Arabian | العرب, عربي, عربية
Hebrew, Jewish, Jews, Jew | عبري, عبرية, يهود, يهودي, يهودية
Christian, Christians, Christianity | مسيحي, مسيحية, نصراني, نصارى
Muslim, Muslims, Islam, Islamic | مسلم, مسلمون, مسلمين, الإسلام, إسلامي, إسلامية
Buddhist, Buddhism | بوذي, بوذية
Catholic, Roman Catholic | كاثوليكي, كاثوليكية
Protestant | بروتستانت, بروتستانتي
Latin | لاتيني, لاتينية
Syriac | سرياني, سريانية
Kurdish, Kurds | كردي, كردية, الأكراد
Berber, Amazigh | أمازيغي, أمازيغية, بربر, بربري
Bedouin, Bedouins | بدو, البدو, بدوي, بدوية, بدويات
Nubia, Nubian | النوبة, نوبي, نوبية
Hamdanid, Hamdanids | حمداني, حمدانية, الحمدانيون
Abbasid, Abbasids | عباسي, عباسية, العباسيون, العباسيين, بني العباس
Umayyad, Umayyads | أموي, أموية, الأمويون, بني أمية
Fatimid, Fatimids | فاطمي, فاطمية, الفاطميون
Mamluk, Mamluks | مملوكي, مملوكية, المماليك
Seljuk, Seljuks | سلجوقي, السلاجقة
Sasanian, Sassanid | ساساني, ساسانية
Mongol, Mongols | مغولي, المغول
Crusader, Crusaders, Crusade, Crusades | صليبي, صليبية, الصليبيون
Cairo | القاهرة
Alexandria | الإسكندرية
Damascus, Damascene | دمشق, دمشقي
Aleppo, Aleppan | حلب, حلبي
Antioch | أنطاكية
Homs | حمص
Jerusalem | القدس, بيت المقدس
Bethlehem | بيت لحم
Nazareth | الناصرة؟
Jericho | أريحا
Beersheba | بئر السبع
Amman | عمان
Beirut | بيروت
Baghdad | بغداد
Basra | البصرة
Mosul | الموصل
Kufa | الكوفة
Harran | حران
Mecca, Makkah, Meccan | مكة, مكي؟
Medina | المدينة؟, المدينة المنورة, يثرب
Hejaz, Hijaz | الحجاز
Riyadh | الرياض
Jeddah | جدة؟
Sanaa | صنعاء
Aden | عدن
Doha | الدوحة
Abu Dhabi | أبوظبي, أبو ظبي
Istanbul, Constantinople | إسطنبول, إستانبول, القسطنطينية, الآستانة
Cordoba, Córdoba | قرطبة
Seville | إشبيلية
Granada | غرناطة
Toledo | طليطلة
Tangier | طنجة
Venice | البندقية؟
Naples | نابولي
Genoa | جنوة
Milan | ميلانو
Vienna | فيينا
Leiden | لايدن, ليدن
Geneva | جنيف
Basel | بازل
Zurich, Zürich | زيورخ
Athens | أثينا
Moscow | موسكو
London | لندن
Paris | باريس
Berlin | برلين
Munich | ميونخ, ميونيخ
Warsaw | وارسو
New York | نيويورك
Washington | واشنطن
California | كاليفورنيا
Los Angeles | لوس أنجلوس
Tokyo | طوكيو
Beijing | بكين, بيجين
Dead Sea | البحر الميت
Red Sea | البحر الأحمر
Mediterranean, Mediterranean Sea | البحر المتوسط, المتوسط؟, متوسطي, البحر الأبيض المتوسط
Black Sea | البحر الأسود
Caspian Sea | بحر قزوين
Arabian Sea | بحر العرب
North Sea | بحر الشمال
Indian Ocean | المحيط الهندي
Pacific, Pacific Ocean | المحيط الهادئ, المحيط الهادي
Atlantic, Atlantic Ocean | المحيط الأطلسي, الأطلسي
Nile | النيل
Euphrates | الفرات
Tigris | دجلة
Rhine | الراين
Danube | الدانوب
Amazon, Amazonian | الأمازون, أمازوني
Alps | جبال الألب, الألب
Rocky Mountains, Rockies | جبال روكي
Empty Quarter | الربع الخالي
Suez Canal, Suez | قناة السويس, السويس
Hormuz | هرمز
Sinai | سيناء
Upper Egypt | الصعيد, صعيد مصر
Earth | الأرض؟
Moon | القمر؟
Sun | الشمس؟
Mars | المريخ
Venus | الزهرة؟
Jupiter | المشتري؟
Saturn | زحل؟
Mercury | عطارد؟
Milky Way | درب التبانة
United Nations, UN | الأمم المتحدة
United Nations University | جامعة الأمم المتحدة
Security Council | مجلس الأمن
World Health Organization, WHO | منظمة الصحة العالمية
World Bank | البنك الدولي
International Monetary Fund, IMF | صندوق النقد الدولي
International Energy Agency, IEA | وكالة الطاقة الدولية
Arab League | جامعة الدول العربية, الجامعة العربية
European Union, EU | الاتحاد الأوروبي
African Union | الاتحاد الأفريقي
Soviet Union, Soviet, USSR | الاتحاد السوفيتي, الاتحاد السوفياتي, سوفيتي, سوفييتي
Red Cross | الصليب الأحمر
Red Crescent | الهلال الأحمر
World Cup | كأس العالم
Nobel Prize, Nobel | جائزة نوبل, نوبل
Prophet | النبي؟, الرسول؟
Quran, Koran, Quranic | القرآن, قرآني
Bible, Biblical | الكتاب المقدس, الإنجيل, التوراة
Torah | التوراة
Moses | موسى
Jesus, Christ | عيسى, يسوع, المسيح
Abraham | إبراهيم, أبراهام
Joseph | يوسف, جوزيف
Mary | مريم, ماري
John | يوحنا, جون
Solomon | سليمان
David | داود, ديفيد, ديفد, دافيد
Noah | نوح
Jacob | يعقوب, جاكوب
Saladin | صلاح الدين
Avicenna | ابن سينا
Averroes | ابن رشد
Alhazen | ابن الهيثم
Avempace | ابن باجة
Aristotle | أرسطو
Plato | أفلاطون
Socrates | سقراط
Galen | جالينوس
Hippocrates | أبقراط
Ptolemy | بطليموس
Euclid | إقليدس
Alexander the Great | الإسكندر الأكبر
Julius Caesar, Caesar | يوليوس قيصر, قيصر
Genghis Khan | جنكيز خان
Tamerlane | تيمورلنك
Queen Victoria | الملكة فيكتوريا
House of Wisdom | بيت الحكمة
World War | الحرب العالمية
First World War, World War I | الحرب العالمية الأولى
Second World War, World War II | الحرب العالمية الثانية
Book of Optics | كتاب المناظر
Thousand and One Nights, Arabian Nights | ألف ليلة وليلة
"""

_CLITICS = ("", "و", "ف", "ب", "ل", "ك", "لل", "وب", "ول", "فب", "فل")
_ARTICLE = "ال"
_ARTICLE_AND_WORD = 4
"""Letters of which a word has more that begins with the article."""
_DECLENSION = ("ة", "ون", "ين", "ات")
"""Of an adjective in ي."""
_WORD = re.compile(r"[^\W_]+")


class Name(NamedTuple):
    """A name in a text: where, what it may be called in English (folded; عمان is Oman or Amman), and whether it can be
    nothing else."""

    span: Span
    called: tuple[str, ...]
    sure: bool


class _Form(NamedTuple):
    rest: tuple[str, ...]
    called: tuple[str, ...]
    sure: bool
    capitals: bool
    """All of it: WHO is not who."""


@cache
def _forms(rows: str) -> dict[str, list[_Form]]:
    """Each form of the rows under its first word, longest first; words are folded, and in the table of this file
    without the Arabic article and with what is derived of an adjective."""
    called: dict[tuple[str, ...], list[str]] = {}
    unsure, capitals = set(), set()
    for row in (row for row in rows.strip().splitlines() if not row.startswith("#")):
        english, arabic = row.split(" | ")
        for form in (*english.split(", "), *_forms_of(arabic, rows is _ROWS)):
            key = tuple(_WORD.findall(folded(form)))
            called.setdefault(key, []).append(folded(english.split(",")[0]))
            if form.endswith("؟"):
                unsure.add(key)
            if form.isupper():
                capitals.add(key)
    found: dict[str, list[_Form]] = {}
    for key, names_ in sorted(called.items(), key=lambda item: -len(item[0])):
        known = _Form(key[1:], tuple(dict.fromkeys(names_)), key not in unsure, key in capitals)
        found.setdefault(key[0], []).append(known)
    return found


def _forms_of(arabic: str, declined: bool) -> Iterator[str]:
    for form in arabic.split(", "):
        if not declined:
            yield form
            continue
        bare = " ".join(map(_bare, form.split()))
        yield bare
        if bare.endswith("ي"):
            yield from (bare + ending for ending in _DECLENSION)


def _bare(word: str) -> str:
    return word.removeprefix(_ARTICLE) if len(word) > _ARTICLE_AND_WORD else word


def names(text: str, within: bool = False) -> Iterator[Name]:
    """The names of the table that stand in `text`, the longest at each place; Latin ones with a capital. `within`: also
    those that are part of a longer one, as Africa is of South Africa."""
    return _found(text, _ROWS, within)


def places(text: str) -> Iterator[Name]:
    """The countries and cities of `places.tsv` in the same way: where they are spelled otherwise, none is called so."""
    return _found(text, _places(), within=False)


@cache
def _places() -> str:
    return (resources.files("rag.language") / "data" / "places.tsv").read_text("utf-8")


def _found(text: str, rows: str, within: bool) -> Iterator[Name]:
    key = fold(text)
    words = [(match.group(), match.start(), match.end()) for match in _WORD.finditer(key.text)]
    after = 0
    for at, (word, start, _) in enumerate(words):
        forms = _beginning(rows, word) if within or at >= after else ()
        form = _longest(forms, words[at + 1 : at + _LONGEST]) if forms else None
        if form is not None:
            after = at + 1 + len(form.rest)
            span = key.span(start, words[after - 1][2])
            if not (text[span.start].isascii() and text[span.start].islower()) and (
                not form.capitals or text[slice(*span)].isupper()
            ):
                yield Name(span, form.called, form.sure)


def _longest(forms: Sequence[_Form], following: Sequence[tuple[str, int, int]]) -> _Form | None:
    """The longest of the forms that go on with these words."""
    fitting = (
        form
        for form in forms
        if all(wanted in (word, _bare(word)) for wanted, (word, *_) in zip(form.rest, following, strict=False))
        and len(form.rest) <= len(following)
    )
    return max(fitting, key=lambda form: len(form.rest), default=None)


@lru_cache(maxsize=65536)
def _beginning(rows: str, first: str) -> tuple[_Form, ...]:
    """The forms that a word may be the first of."""
    return tuple(form for reading in _readings(first) for form in _forms(rows).get(reading, ()))


def _readings(word: str) -> Iterator[str]:
    """A first word as it is, and without a clitic and the article."""
    yield from dict.fromkeys((_bare(word), word))
    for clitic in _CLITICS:
        if clitic and word.startswith(clitic) and len(word) - len(clitic) >= _LEAST_LETTERS:
            rest = word[len(clitic) :]
            yield from dict.fromkeys((_bare(rest), rest, *((_ARTICLE + rest,) if clitic.endswith("لل") else ())))


_LONGEST = 5
"""Words of the longest name."""
_LEAST_LETTERS = 3
"""Of a word without its clitic."""
