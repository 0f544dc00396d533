"""How well broken text is told from good: `python -m eval.text_health FILE...` prints a row for each way of breaking.

Each FILE is a set in the format of SQuAD, whose paragraphs are good texts; the sample articles are added. Every text is
broken in each way, with the same seed every time, and judged.
"""

import argparse
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from eval.datasets import read_articles, read_squad
from rag.language.arabic.letters import BASIC_LETTER_CLASS
from rag.language.health import heal_text, judge_health

_SAMPLES = Path(__file__).parent.parent / "articles"
_MAX_CHARS = 2_000_000
_WORD = re.compile(f"[{BASIC_LETTER_CLASS}]+")
_LETTERS = "".join(map(chr, (*range(0x0621, 0x063B), *range(0x0641, 0x064B))))
_MOJIBAKE = (
    ("utf-8", "cp1252"),
    ("utf-8", "latin-1"),
    ("cp1256", "cp1252"),
    ("cp1256", "latin-1"),
    ("utf-8", "cp1256"),
    ("iso8859-6", "latin-1"),
    ("iso8859-6", "cp1256"),
    ("cp1256", "iso8859-6"),
)
"""Written in the first, read in the second."""
Breaking = Callable[[str, random.Random], str]


def ways_to_break() -> dict[str, Breaking]:
    """Each way of breaking a text by its name."""
    ways: dict[str, Breaking] = {
        "reversed by line": lambda text, _: "\n".join(line[::-1] for line in text.split("\n")),
        "reversed by word": lambda text, _: _WORD.sub(lambda word: word[0][::-1], text),
        "letters permuted": _permute,
        "'?' for letters": lambda text, _: _WORD.sub(lambda word: "?" * len(word[0]), text),
        "'?' for a third of the letters": lambda text, chance: _replace(text, chance, 1 / 3, "?"),
        "U+FFFD for a tenth of the letters": lambda text, chance: _replace(text, chance, 0.1, "\ufffd"),
        "a space between all letters": lambda text, _: _WORD.sub(lambda word: " ".join(word[0]), text),
    }
    for share in (0.05, 0.1, 0.2, 0.3):
        ways[f"{share:.0%} of the letters dropped"] = partial(_replace, share=share, by="")
    for count in (3, 6):
        ways[f"{count} letters never there"] = partial(_without, count=count)
    for written, read in _MOJIBAKE:
        ways[f"{written} read as {read}"] = partial(_misread, written=written, read=read)
    return ways


def _permute(text: str, chance: random.Random) -> str:
    """Each letter another one, as where a font names its glyphs wrongly."""
    others = list(_LETTERS)
    chance.shuffle(others)
    return text.translate(str.maketrans(_LETTERS, "".join(others)))


def _replace(text: str, chance: random.Random, share: float, by: str) -> str:
    return "".join(by if char in _LETTERS and chance.random() < share else char for char in text)


def _without(text: str, chance: random.Random, count: int) -> str:
    """Some of the ten commonest letters are never there, as where a font names some of its glyphs not at all."""
    common = [char for char, _ in Counter(char for char in text if char in _LETTERS).most_common(10)]
    return text.translate(dict.fromkeys(map(ord, chance.sample(common, min(count, len(common)))), ""))


def _misread(text: str, _: random.Random, written: str, read: str) -> str:
    return text.encode(written, "ignore").decode(read, "replace")


def _count(texts: Sequence[str], way: Breaking) -> tuple[int, int, int, Counter[str]]:
    """Of texts broken in a way: how many were changed by it, are mended, are refused, and what each is said to be."""
    chance = random.Random(17)
    broken = [(text, way(text, chance)) for text in texts]
    changed = [(text, other) for text, other in broken if other != text]
    healed = [heal_text(other) for _, other in changed]
    states = Counter[str](judge_health(other).state for _, other in changed)
    refused = sum(not health.is_good for _, health in healed)
    noticed = sum(not judge_health(other).is_good for _, other in changed)
    return len(changed), noticed - refused, refused, states


def main() -> None:
    """Judge the texts of the files given, good and broken, and print what share of them is told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--join", type=int, default=1, help="so many paragraphs are one text")
    parser.add_argument("--each", type=int, default=1, help="break only every so manieth text")
    options = parser.parse_args()
    paragraphs = [article.text for file in options.files for article in read_squad(file).articles]
    texts = ["\n".join(paragraphs[at : at + options.join]) for at in range(0, len(paragraphs), options.join)]
    texts += [article.text for article in read_articles(_SAMPLES, _MAX_CHARS)]
    refused = [(text, judge_health(text)) for text in texts]
    bad = [(text, health) for text, health in refused if not health.is_good]
    print(f"good texts: {len(texts)}; refused: {len(bad)} ({len(bad) / max(1, len(texts)):.2%})")
    for text, health in bad:
        print(f"  {health.state}: {text[:80]!r}")
    print("| broken by | texts | caught | of them mended | said to be |\n|---|---|---|---|---|")
    for name, way in ways_to_break().items():
        count, mended, lost, states = _count(texts[:: options.each], way)
        said = ", ".join(f"{state} {times}" for state, times in states.most_common())
        print(f"| {name} | {count} | {(mended + lost) / max(1, count):.3f} | {mended} | {said} |", flush=True)


if __name__ == "__main__":
    main()
