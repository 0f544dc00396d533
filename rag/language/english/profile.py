"""The rules of English."""

import re

from rag.language.english.letters import FOLDED_LETTER_CLASS, LETTER_CLASS, RUN_LETTER_CLASS
from rag.language.english.mentions import NAME_PARTICLES, find_mentions
from rag.language.english.phonetics import name_forms, skeleton
from rag.language.english.romanization import romanize
from rag.language.english.stemming import stem
from rag.language.profile import LanguageProfile

_FUNCTION_WORDS = (
    "a an the of in on at to for from by with and or is are was were be been being do does did "
    "has have had will would can could should may might must what which who whom whose when where "
    "why how much many that this these those it its as than then there their they he she his her "
    "you your we our i not no if about into during after before between over under up out so such "
    "any some all isn aren wasn weren don doesn didn hasn haven hadn wouldn couldn shouldn"
)
_ABBREVIATIONS = (
    "dr mr mrs ms prof st jr sr vs no vol fig eq al inc ltd co etc ph.d approx dept est "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
_CONTRACTION = r"(?:['’](?:s|t|re|ve|ll|d|m)(?![a-z]))?"
"""it's, don't: the word is what stands before."""

_FILE_ENDING = r"(?<![^\s(«])\u200e?\."
_ISO_DAY = r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])"
"""Beside Arabic, whose order would turn its parts round."""


def _render(text: str) -> str | None:
    from rag.language.english.rendering import (
        render_in_english,  # it analyses the text by the profiles of all languages
    )

    return render_in_english(text)


ENGLISH = LanguageProfile(
    code="en",
    direction="ltr",
    letter_class=LETTER_CLASS,
    word_pattern=f"[{FOLDED_LETTER_CLASS}][{FOLDED_LETTER_CLASS}0-9]*",
    word_ending_pattern=_CONTRACTION,
    function_words=frozenset(_FUNCTION_WORDS.split()),
    negations=re.compile(r"\b(?:not|no|never|none|nor|neither|without|cannot)\b|n['’]t\b"),
    abbreviations=frozenset(_ABBREVIATIONS.split()),
    name_particles=NAME_PARTICLES,
    quotation_marks=("“", "”"),
    digits="0123456789",
    list_separator=", ",
    stem=stem,
    skeleton=skeleton,
    name_forms=name_forms,
    find_mentions=find_mentions,
    render=_render,
    spell_name=romanize,
    asks_whether=re.compile(
        r"(?:is|are|was|were|do|does|did|can|could|will|would|has|have|had|should|must|may)\b(?!.*\bor\b)"
    ),
    asks_time=re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date)\b"),
    asks_quantity=re.compile(
        r"\bhow (?:many|much|long|old|far|large|big|tall|high|fast)\b|\bwhen\b"
        r"|\b(?:year|date|percent|percentage|number|century)\b"
    ),
    asks_list=re.compile(
        r"^\W*(?:(?:what|which)(?: are| were)?|who (?:are|were)|list|name|how many)\s+"
        r"(?:(?:all|the|types?|kinds?|names|of)\s+)*(?!(?:is|was|does|has)\b)"
        r"(?:\w+\s+){0,2}?((?<=how many )\w+|\w{3,}(?<!s)s)\b"
    ),
    most=re.compile(
        r"\b(?:most|highest|largest|biggest|greatest|longest|tallest|heaviest|widest|deepest|dearest|costliest|farthest|top)\b"
    ),
    least=re.compile(r"\b(?:least|fewest|lowest|smallest|shortest|cheapest|lightest|narrowest|nearest|minimum)\b"),
    follow_up=re.compile(
        r"^(?:and|but|so|what about|how about)\b"
        r"|^what\W?(?:s|is|was|are|were) the (?:\w+ (?:called|named)|names? of the \w+)\W*$"
        r"|\b(?:it|its|he|she|they|them|their|his|her|this|that|these|those|there|one)\b"
    ),
    follow_up_about=re.compile(r"(?:what|how) about\b"),
    question_types={
        "how many": r"how (?:many|much|long|old|far|large|big|tall|high)",
        "when": r"when|what year|which year",
        "where": r"where",
        "why": r"why",
        "how": r"how",
        "who": r"who|whom|whose",
        "which": r"which",
        "what": r"what",
    },
    embedded_run=re.compile(
        rf"(?:{_FILE_ENDING})?[{RUN_LETTER_CLASS}](?:[{RUN_LETTER_CLASS}0-9 .,:'’&+/_-]*"
        rf"[{RUN_LETTER_CLASS}0-9+])?|{_ISO_DAY}"
    ),
)
