"""Names in a sentence by how they are written: capitals, quotation marks, Latin letters within Arabic, and the Arabic
words that a name follows."""

import re
from collections.abc import Iterator

from rag.language.text import fold
from rag.language.tokens import usually_small
from rag.types import Span

_RUN = re.compile(
    r"(?:\bal-)?\b[A-Z][\w’'-]*(?:\s+(?:(?:of|the|ibn|bin|al|el|de|von|van|and|for)\s+){0,2}(?:al-)?[A-Z][\w’'-]*)*"
)
_CAPITALISED = re.compile(r"[A-Z][\w’'-]*")
_RUN_WORD = re.compile(r"[\w’'-]+")
_OPENS = re.compile(r"(?:^|[.:;!?…“\"‘(]\s*|\n)$")
_QUOTED = re.compile(r"[«“\"]([^«»“”\"]{2,60})[»”\"]")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9.-]+[A-Za-z0-9]")
_AFTER_KIN = re.compile(r"(?:^|\s)(?:بن|ابن|بنت|ابو|ابي|ابا|ام|عبد|ال)\s+(\w+)")

_TITLE = (
    "دكتور دكتوره مهندس مهندسه قاضي اديب اديبه شاعر شاعره طبيب طبيبه ملك ملكه سلطان خليفه امير اميره شيخ امام فيلسوف "
    "مورخ رحاله قس بابا كاهن مستشرق مستشرقه باحث باحثه معماري رسام مغني مغنيه نحوي جنرال ضابط استاذ استاذه سيد سيده "
    "كاتب كاتبه خطاط موسيقار وزير وزيره مفتش"
).replace(" ", "|")
"""Titles of persons."""
_KIND = (
    "مدينه محافظه ولايه مقاطعه اماره بلده قريه حي شارع جزيره نهر جبل وادي بحيره خليج مضيق ميناء واحه قبيله شركه مصرف "
    "بنك جامعه مجله صحيفه جريده قناه مسبار تلسكوب صاروخ كوكب مجره صنف طراز منصه بوابه نادي مستشفي متحف"
).replace(" ", "|")
"""Kinds of places and things that are named by a noun in the genitive, and so have no article themselves."""
_RANK = "اول اولي ثاني ثانيه ثالث ثالثه رابع رابعه خامس خامسه سادس سابع ثامن تاسع عاشر اخير اخيره".replace(" ", "|")
_NO_NAME = rf"(?!(?:ال)?(?:{_RANK})(?!\w))(?!الذي|التي|الذين)(?=[\u0621-\u064a])"
_AFTER_TITLE = re.compile(
    rf"(?<!\w)[وفبك]?(?:ال|لل)(?:{_TITLE})(?:\s+(?!الذي|التي)ال\w+(?:ي|يه)(?!\w))?\s+(?!ال){_NO_NAME}(\w{{3,}})"
)
_AFTER_KIND = re.compile(
    rf"(?<!\w)[وفبكل]?(?:{_KIND})\s+{_NO_NAME}(?!(?:ت|ي)\w\w(?!\w))(ال\w{{3,}}|\w{{2,}}[^\Wه](?!\w))"
)
"""Not a feminine adjective (شركة كبيرة), nor a short verb."""

_ORDINARY = frozenset(
    (
        "muharram safar rabi jumada rajab shaban shaaban ramadan shawwal "
        "january february march april june july august september october november december "
        "monday tuesday wednesday thursday friday saturday sunday bce "
        "king queen prince sultan caliph emir sheikh president minister mrs pope saint general lord "
        "ministry academy institute council committee museum directorate bureau senate league army navy system "
        "royal united union supreme golden north south east west northern southern eastern western "
        "street avenue boulevard highway tramway metro harbour stadium hall theatre palace castle citadel temple "
        "hurricane moon river lake gulf strait bay valley island islands peninsula county governorate "
        "republic kingdom empire sultanate emirate"
    ).split()
)
"""Words of titles, calendars and institutions that have a capital as a rule, and are translated all the same."""
_UNDERTAKINGS = frozenset(
    (
        "program programme campaign project plan law laws act treaty agreement memorandum declaration constitution "
        "charter convention protocol report study survey theory method system model test exam book books journal "
        "review article list strategy vision initiative day week month year war battle revolution"
    ).split()
)
"""Kinds of works and undertakings: their names are phrases, and translated whole."""
_DERIVED = re.compile(
    r"...(?:tions?|sions?|ments?|ives?|ings?|ity|ities|ances?|ences?|ness|ships?|isms?|ists?|ics|ogy|ical|ional|ers|ors|"
    r"ies|able|ful|less|ly)$"
)
"""Endings of English words that names hardly have."""

PARTICLES = frozenset("al el ibn bin bint abu abi umm abd de la von van di ben ould بن ابن بنت ابو ابي ام عبد".split())
"""Parts of names that are no names by themselves."""
_SHORT = 2
"""Letters of a word in capitals that stands for words, which are translated."""


def written_names(sentence: str) -> Iterator[Span]:
    """Where the names stand in an Arabic or English sentence."""
    if not re.search("[\u0620-\u064a]", sentence):
        for run in _RUN.finditer(sentence):
            yield from _parts(run)
        return
    yield from (Span(*match.span()) for match in _LATIN_WORD.finditer(sentence))
    yield from (Span(*match.span(1)) for match in _QUOTED.finditer(sentence))
    key = fold(sentence)
    for cue in (_AFTER_KIN, _AFTER_TITLE, _AFTER_KIND):
        yield from (key.span(*match.span(1)) for match in cue.finditer(key.text))


def _parts(run: re.Match[str]) -> Iterator[Span]:
    """The names in a run of capitals: what stands between the words that titles and institutions are made of. A single
    word that opens a sentence need not be a name."""
    if any(word.group().lower() in _UNDERTAKINGS for word in _CAPITALISED.finditer(run.group())):
        return
    opens = _OPENS.search(run.string, 0, run.start()) is not None
    part: list[re.Match[str]] = []
    for word in (*_RUN_WORD.finditer(run.group()), None):
        if word is not None and not _ordinary(word.group()):
            part.append(word)
        elif part:
            if len(part) > 1 or part[0].start() > 0 or not opens:
                yield Span(run.start() + part[0].start(), run.start() + part[-1].end())
            part = []


def _ordinary(word: str) -> bool:
    plain = word.lower().rstrip("'’").removesuffix("'s").removesuffix("’s")
    if "-" in plain.strip("-"):
        return all(map(_ordinary, filter(None, plain.split("-"))))
    if plain in _ORDINARY or plain.removesuffix("s") in _ORDINARY:
        return True
    return (
        (len(plain) <= _SHORT and plain.isalpha() and plain not in PARTICLES)
        or bool(_DERIVED.search(plain))
        or usually_small(plain)
        or (plain.endswith("s") and usually_small(plain[:-1]))
    )
