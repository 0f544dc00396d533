"""English words by sound."""

import re

_SOUND = re.compile(r"sch|sh|ch|kh|gh|th|dh|ph|ck|[a-z]")
_SOUNDS = dict.fromkeys(["sch", "sh", "ch"], "S") | {
    "kh": "k",
    "gh": "g",
    "th": "t",
    "dh": "d",
    "ph": "f",
    "ck": "k",
}
_SOUNDS |= dict(zip("bpvfgjckqdtszrlmnhx", "bbffggkkkdtszrlmnhk", strict=True))


def skeleton(word: str) -> str:
    """The consonants of a folded word in the shared alphabet."""
    return "".join(_SOUNDS.get(sound, "") for sound in _SOUND.findall(word))


def name_forms(word: str, written: str) -> tuple[str, ...]:
    """The word, when it is written with a capital."""
    return (word,) if any(char.isupper() for char in written) else ()
