"""Arabic words by sound."""

from rag.language.arabic.stemming import CLITICS, strip_definite_prefix

_SOUNDS = dict(zip("بپتطثجغحهخكقدضذرزظسصشفلمنچگڤ", "bbtttgghhkkkdddrzzssSflmnSgf", strict=True))


def skeleton(word: str) -> str:
    """The consonants of a folded word without its article, in the shared alphabet."""
    return "".join(_SOUNDS.get(char, "") for char in strip_definite_prefix(word))


def name_forms(word: str, written: str) -> tuple[str, ...]:
    """The word with and without a one-letter clitic: Arabic has no capitals, so any word may be a name."""
    return (word, word[1:]) if word[0] in CLITICS else (word,)
