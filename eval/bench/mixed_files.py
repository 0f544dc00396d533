"""Files of several formats for measurements, each of two pages of sentences of the sample articles in another order."""

import html
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from eval.datasets import read_articles
from rag.language.document import Document

_CHARS = 5_000
"""Of two pages of A4 in Arabic at 12 points."""
_PARAGRAPH_SENTENCES = 5
_SAMPLE_ARTICLES, _MAX_CHARS = Path(__file__).parent.parent.parent / "articles", 1_000_000
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'

Writer = Callable[[Path, str, Sequence[str]], None]
"""Writes a file with a title and paragraphs."""


def make_mixed_files(folder: Path, number: int) -> dict[str, int]:
    """Write files of Markdown, text, HTML, Word and, where Chromium and Playwright are here, PDF, in turn.

    Parameters
    ----------
    folder : Path
        Where they go; made.
    number : int
        Of the files.

    Returns
    -------
    dict of str to int
        Files of each suffix.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = [one.text for one in read_articles(_SAMPLE_ARTICLES, _MAX_CHARS)]
    sentences = [text[slice(*span)].strip() for text in texts for span in Document(text).sentences]
    counts: dict[str, int] = {}
    with _open_writers() as writers:
        suffixes = list(writers)
        for at in range(number):
            suffix = suffixes[at % len(suffixes)]
            title, *paragraphs = _compose(sentences, random.Random(at))
            writers[suffix](folder / f"{at:05d}.{suffix}", title, paragraphs)
            counts[suffix] = counts.get(suffix, 0) + 1
    return counts


def _compose(sentences: Sequence[str], chance: random.Random) -> Iterator[str]:
    """A title, then paragraphs."""
    shuffled = chance.sample(sentences, len(sentences))
    yield " ".join(shuffled.pop().split()[:6])
    length = 0
    while length < _CHARS:
        paragraph = " ".join(" ".join(shuffled.pop().split()) for _ in range(_PARAGRAPH_SENTENCES))
        length += len(paragraph)
        yield paragraph


@contextmanager
def _open_writers() -> Iterator[dict[str, Writer]]:
    writers: dict[str, Writer] = {"md": _write_markdown, "txt": _write_text, "html": _write_page, "docx": _write_word}
    chromium = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        yield writers
        return
    with sync_playwright() as driver, driver.chromium.launch(executable_path=chromium, args=_FLAGS) as browser:
        tab = browser.new_page()

        def write_pdf(path: Path, title: str, paragraphs: Sequence[str]) -> None:
            tab.set_content(_format_page(title, paragraphs))
            tab.pdf(path=path, format="A4")

        yield writers | {"pdf": write_pdf}


def _write_markdown(path: Path, title: str, paragraphs: Sequence[str]) -> None:
    path.write_text("\n\n".join((f"# {title}", *paragraphs)), "utf-8")


def _write_text(path: Path, title: str, paragraphs: Sequence[str]) -> None:
    path.write_text("\n\n".join((title, *paragraphs)), "utf-8")


def _write_page(path: Path, title: str, paragraphs: Sequence[str]) -> None:
    path.write_text(_format_page(title, paragraphs), "utf-8")


def _format_page(title: str, paragraphs: Sequence[str]) -> str:
    body = "".join(f"<p>{html.escape(one)}</p>" for one in paragraphs)
    head = f"<meta charset=utf-8><title>{html.escape(title)}</title>"
    return f"<!DOCTYPE html><html dir=rtl><head>{head}</head><body><h1>{html.escape(title)}</h1>{body}</body></html>"


def _write_word(path: Path, title: str, paragraphs: Sequence[str]) -> None:
    body = "".join(f"<w:p><w:r><w:t>{html.escape(one)}</w:t></w:r></w:p>" for one in (title, *paragraphs))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", _TYPES)
        package.writestr("_rels/.rels", _RELATIONS)
        package.writestr("word/document.xml", f"<w:document {_WORD}><w:body>{body}</w:body></w:document>")
