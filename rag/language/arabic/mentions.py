"""Names in an Arabic sentence: Latin letters, quotation marks, and the words that a name follows."""

import re
from collections.abc import Iterator

from rag.language.arabic.letters import BASIC_LETTER_CLASS
from rag.language.normalize import FoldedText
from rag.types import Span

NAME_PARTICLES = frozenset("بن ابن بنت ابو ابي ام عبد".split())

_LATIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.-]+[A-Za-z0-9]")
_QUOTED = re.compile(r"[«“\"]([^«»“”\"]{2,60})[»”\"]")

_TITLES = (
    "دكتور دكتوره مهندس مهندسه قاضي اديب اديبه شاعر شاعره طبيب طبيبه ملك ملكه سلطان خليفه امير اميره شيخ امام فيلسوف "
    "مورخ رحاله قس بابا كاهن مستشرق مستشرقه باحث باحثه معماري رسام مغني مغنيه نحوي جنرال ضابط استاذ استاذه سيد سيده "
    "كاتب كاتبه خطاط موسيقار وزير وزيره مفتش"
).replace(" ", "|")
"""Titles of persons."""

_KINDS = (
    "مدينه محافظه ولايه مقاطعه اماره بلده قريه حي شارع جزيره نهر جبل وادي بحيره خليج مضيق ميناء واحه قبيله شركه مصرف "
    "بنك جامعه مجله صحيفه جريده قناه مسبار تلسكوب صاروخ كوكب مجره صنف طراز منصه بوابه نادي مستشفي متحف"
).replace(" ", "|")
"""Kinds of places and things that are named by a noun in the genitive, and so have no article themselves."""

_ORDINALS = "اول اولي ثاني ثانيه ثالث ثالثه رابع رابعه خامس خامسه سادس سابع ثامن تاسع عاشر اخير اخيره".replace(" ", "|")
_MAY_BE_NAME = rf"(?!(?:ال)?(?:{_ORDINALS})(?!\w))(?!الذي|التي|الذين)(?=[{BASIC_LETTER_CLASS}])"
_ADJECTIVE = r"(?:\s+(?!الذي|التي)ال\w+(?:ي|يه)(?!\w))?"

_AFTER_KINSHIP = re.compile(r"(?:^|\s)(?:بن|ابن|بنت|ابو|ابي|ابا|ام|عبد|ال)\s+(\w+)")
_AFTER_TITLE = re.compile(rf"(?<!\w)[وفبك]?(?:ال|لل)(?:{_TITLES}){_ADJECTIVE}\s+(?!ال){_MAY_BE_NAME}(\w{{3,}})")
_AFTER_KIND = re.compile(
    rf"(?<!\w)[وفبكل]?(?:{_KINDS})\s+{_MAY_BE_NAME}(?!(?:ت|ي)\w\w(?!\w))(ال\w{{3,}}|\w{{2,}}[^\Wه](?!\w))"
)
"""The name is not a feminine adjective (شركة كبيرة), nor a short verb."""


def find_mentions(text: FoldedText) -> Iterator[Span]:
    """The spans of names in a sentence, in its text as written."""
    yield from (Span(*match.span()) for match in _LATIN_NAME.finditer(text.source))
    yield from (Span(*match.span(1)) for match in _QUOTED.finditer(text.source))
    for cue in (_AFTER_KINSHIP, _AFTER_TITLE, _AFTER_KIND):
        yield from (text.source_span(*match.span(1)) for match in cue.finditer(text.text))
