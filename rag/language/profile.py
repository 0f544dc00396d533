"""What a language package says of its language."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from rag.language.normalize import FoldedText
from rag.types import Language, Span

Direction = Literal["rtl", "ltr"]


@dataclass(frozen=True, slots=True)
class LanguageProfile:
    """The rules of one language. Words and patterns are matched against folded text unless said otherwise.

    Attributes
    ----------
    code : Language
        ISO 639-1 code.
    direction : {"rtl", "ltr"}
        Direction in which its script is written.
    letter_class : str
        Regular expression of its letters as they are written, for use inside a character class.
    word_pattern : str
        Regular expression of a word.
    word_ending_pattern : str
        Regular expression of what may be written behind a word and is no part of it; may be empty.
    function_words : frozenset of str
        Function and question words. They tell the language of a question and carry none of its content.
    negations : Pattern
        Words that deny, in folded text.
    abbreviations : frozenset of str
        Words before a full stop that ends no sentence.
    name_particles : frozenset of str
        Parts of names that are no names by themselves.
    quotation_marks : tuple of str
        Opening and closing mark around a title.
    digits : str
        Those that what we say is numbered with, from zero to nine.
    list_separator : str
        What stands between the items of a list in a sentence.
    stem : callable
        From a word to its stems, one for each reading of the word.
    skeleton : callable
        From a word to its consonants in the alphabet shared by all languages.
    name_forms : callable
        From a word and how it is written in the text to the forms in which it may be a name; none when it is no name.
    find_mentions : callable
        From a text to the spans, in the text as written, where names stand.
    render : callable
        From words of another language to what a reader of this one is shown of them; None where they would have to be
        translated freely.
    spell_name : callable
        From a name in another script to how a reader of this language is told it.
    asks_whether : re.Pattern
        Questions that yes or no answers, matched at their beginning.
    asks_time, asks_quantity : re.Pattern
        Questions for a time, and for a number or date.
    asks_list : re.Pattern
        Questions for several things or for how many there are, with the word that names them as group 1.
    most, least : re.Pattern
        Words that ask for the greatest, and for the least, of several.
    follow_up : re.Pattern
        Words that refer to what was said before.
    follow_up_about : re.Pattern
        How a question begins that asks the last one of something else ("what about").
    question_types : mapping of str to str
        Regular expression of the words that ask, by what they ask for.
    embedded_run : re.Pattern
        In a text as written in the other direction: a run of this language, to be isolated.
    """

    code: Language
    direction: Direction
    letter_class: str
    word_pattern: str
    word_ending_pattern: str
    function_words: frozenset[str]
    negations: re.Pattern[str]
    abbreviations: frozenset[str]
    name_particles: frozenset[str]
    quotation_marks: tuple[str, str]
    digits: str
    list_separator: str
    stem: Callable[[str], tuple[str, ...]]
    skeleton: Callable[[str], str]
    name_forms: Callable[[str, str], tuple[str, ...]]
    find_mentions: Callable[[FoldedText], Iterator[Span]]
    render: Callable[[str], str | None]
    spell_name: Callable[[str], str]
    asks_whether: re.Pattern[str]
    asks_time: re.Pattern[str]
    asks_quantity: re.Pattern[str]
    asks_list: re.Pattern[str]
    most: re.Pattern[str]
    least: re.Pattern[str]
    follow_up: re.Pattern[str]
    follow_up_about: re.Pattern[str]
    question_types: Mapping[str, str]
    embedded_run: re.Pattern[str]
