"""Hypothesis strategies for texts that are hard on the text functions."""

from hypothesis import settings
from hypothesis import strategies as st

MARKS = "".join(map(chr, [*range(0x064B, 0x0656), 0x0670, 0x06D6, 0x06E5, 0x0301]))
CONTROLS = "\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u00ad"
ALPHABET = (
    "ابتةىأإآؤئءٱوفبكلهيناتیکہپچ" + MARKS + "ـ" + CONTROLS + "ﷺﷲﻻﻼﺍﺎﭐﻳ"
    "0123456789٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹,٬٫.،؛:!?؟۔…()[]«»\"'’%٪/- \t\n\r\x0b\x0c\x1c\x85\u00a0\u2028\u2029"
    "aAbBzZdDrRgéÉßİıſŁΣς½²①\ud800\udfff\x00"
)
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=60)
RICH = st.text(st.sampled_from(ALPHABET), max_size=60)
FIGURES = st.text(st.sampled_from("019٠۳,٬٫. "), max_size=20)
_WORDS = (
    "د. ص. 1908 م. 354 هـ. e.g. J. R. 1. ٢. (3) 3.14 ٣٫١٤ 1,234 ١٬٢٣٤ وفلسطين القاهرة مُحَمَّدٌ ﷺ "
    "Prometheus الحجاز؟ نعم! «انتهى.» … ،"
).split()
PHRASES = st.lists(
    st.sampled_from([*_WORDS, "\n", "\r\n", "\u200f", " \n "]),
    max_size=15,
).map(" ".join)
TEXTS = st.one_of(
    ANYTHING, RICH, FIGURES, PHRASES, st.lists(st.one_of(ANYTHING, RICH, PHRASES), max_size=3).map("".join)
)
"""Any text: arbitrary code points, the characters that some rule is about, phrases with abbreviations and numbers."""

more_examples = settings(max_examples=300)
