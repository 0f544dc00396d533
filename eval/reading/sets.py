"""The sets that the reader learns from, and their hashes."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from eval.datasets import GOLD_QUESTIONS, Dataset, make_text_article, read_articles, read_gold_set, read_squad
from eval.omos import read_omos
from eval.reading.examples import QuestionSet
from rag.language.languages import LANGUAGES

_SQUAD_SETS = ("xquad", "tydi", "mlqa", "arcd")
_LABELS = ("Arabic", "English over Arabic", "English")
_SAMPLES = Path("articles")
_MAX_ARTICLE_CHARS = 10**6


def read_sets(folder: Path) -> Iterator[QuestionSet]:
    """The sets of a folder, each of which may be missing, and the gold set over the sample articles.

    Raises
    ------
    InputError
        When a file is not of its format.
    """
    samples = Dataset(read_articles(_SAMPLES, _MAX_ARTICLE_CHARS), read_gold_set())
    yield QuestionSet("gold", samples, str, is_withheld=False)
    for name in _SQUAD_SETS:
        arabic, english = (folder / f"{name}-dev.{language}.json" for language in LANGUAGES)
        if arabic.exists():
            group = _group_by_title(arabic)
            yield QuestionSet(f"{name}, {_LABELS[0]}", read_squad(arabic), group.__getitem__)
            if english.exists():
                yield QuestionSet(f"{name}, {_LABELS[1]}", read_squad(arabic, english), group.__getitem__)
                own = read_squad(english)
                yield QuestionSet(f"{name}, {_LABELS[2]}", own, _group_by_title(english).__getitem__, is_withheld=False)
    arabic, english = (folder / f"omos-dev.{language}.jsonl" for language in LANGUAGES)
    if arabic.exists() and english.exists():
        pairs: list[tuple[Path, Path | None]] = [(arabic, None), (arabic, english), (english, None)]
        for label, (pages, questions) in zip(_LABELS, pairs, strict=True):
            dataset = read_omos(pages, questions, within_page=True)
            yield QuestionSet(f"omos, {label}", dataset, str, has_spans=False, is_withheld=pages == arabic)


def hash_sets(folder: Path) -> dict[str, str]:
    """The hash of every file that is learned from, by name."""
    files = [*sorted(folder.glob("*-dev.*.json*")), GOLD_QUESTIONS]
    return {path.name: sha256(path.read_bytes()).hexdigest()[:16] for path in files}


def _group_by_title(path: Path) -> dict[str, str]:
    """The title under which each paragraph stands, by the id of its article: those of one title go together."""
    return {
        make_text_article(paragraph["context"]).id: str(entry["title"])
        for entry in json.loads(path.read_text("utf-8"))["data"]
        for paragraph in entry["paragraphs"]
    }
