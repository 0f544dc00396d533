"""Scans with their texts, to measure OCR on: `python -m eval.make_scans FOLDER [--articles FOLDER] [--count N]`.

Each article's first page is drawn in one of three typefaces and spoilt in three ways, as paper and scanners do. Then
`dalil eval extract FOLDER --truth FOLDER/truth --ocr` reads them.
"""

import argparse
import html
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from eval.browser import open_browser
from eval.datasets import read_articles
from rag.language.languages import PROFILES
from rag.types import Article

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_MAX_ARTICLE_CHARS = 2_000_000
_PAGE_CHARS = 1500
"""Of an article, in whole paragraphs: a page of 12 points."""
_PAGE_WIDTH, _PAGE_HEIGHT = 794, 1123
"""CSS pixels of A4."""
_CSS_PIXELS_PER_INCH = 96
_TYPEFACES = ("Noto Naskh Arabic", "Noto Sans Arabic", "Noto Kufi Arabic")
_SEED = 7


class Spoiling(NamedTuple):
    """What a scanner made of a page.

    Attributes
    ----------
    name : str
        In the names of files.
    dots_per_inch : int
        Of the picture.
    degrees : float
        By which the page lies askew.
    blur : float
        Radius in dots.
    noise : float
        Standard deviation of the grey of a dot, of 255.
    contrast : float
        Share that is left of it.
    quality : int
        Of the JPEG.
    """

    name: str
    dots_per_inch: int
    degrees: float
    blur: float
    noise: float
    contrast: float
    quality: int


SPOILINGS = (
    Spoiling("clean", 300, 0.0, 0.0, 0.0, 1.0, 95),
    Spoiling("office", 200, 0.6, 0.5, 8.0, 0.8, 70),
    Spoiling("poor", 150, -1.2, 0.8, 14.0, 0.55, 45),
)


def make_scans(articles: list[Article], folder: Path) -> int:
    """Write `ARTICLE-SPOILING.jpg` and `truth/ARTICLE.json` for each article; the number of pictures."""
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(_SEED)
    with open_browser() as browser:
        for at, article in enumerate(articles):
            text = _first_page(article.text)
            truth = {"title": article.title, "text": f"{article.title}\n\n{text}"}
            (folder / "truth" / f"{article.id}.json").write_text(json.dumps(truth, ensure_ascii=False), "utf-8")
            for spoiling in SPOILINGS:
                drawn = _draw(browser, article, text, _TYPEFACES[at % len(_TYPEFACES)], spoiling.dots_per_inch)
                spoilt = spoil(drawn, spoiling, generator)
                spoilt.save(
                    folder / f"{article.id}-{spoiling.name}.jpg",
                    quality=spoiling.quality,
                    dpi=(spoiling.dots_per_inch, spoiling.dots_per_inch),
                )
    return len(articles) * len(SPOILINGS)


def spoil(drawn: Image.Image, spoiling: Spoiling, generator: np.random.Generator) -> Image.Image:
    """A picture of a page as a scanner gives it."""
    turned = drawn.convert("L").rotate(spoiling.degrees, Image.Resampling.BICUBIC, fillcolor=255)
    blurred = np.asarray(turned.filter(ImageFilter.GaussianBlur(spoiling.blur)), np.float32)
    faint = 255 - spoiling.contrast * (255 - blurred)
    noisy = faint + generator.normal(0, spoiling.noise, faint.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _first_page(text: str) -> str:
    """The first paragraphs of a text, as many as a page takes."""
    paragraphs: list[str] = []
    room = _PAGE_CHARS
    for paragraph in filter(None, map(str.strip, text.split("\n"))):
        if len(paragraph) > room and paragraphs:
            break
        paragraphs.append(paragraph[:_PAGE_CHARS])
        room -= len(paragraph)
    return "\n\n".join(paragraphs)


def _draw(browser: "Browser", article: Article, text: str, typeface: str, dots_per_inch: int) -> Image.Image:
    direction = PROFILES[article.language].direction
    body = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in text.split("\n\n"))
    style = f"font: 12pt/1.7 '{typeface}'; margin: 20mm; background: white; color: black"
    page = browser.new_page(
        viewport={"width": _PAGE_WIDTH, "height": _PAGE_HEIGHT},
        device_scale_factor=dots_per_inch / _CSS_PIXELS_PER_INCH,
    )
    page.set_content(f'<body dir={direction} style="{style}"><h1>{html.escape(article.title)}</h1>{body}</body>')
    picture = page.screenshot()
    page.close()
    return Image.open(io.BytesIO(picture))


def main() -> None:
    """Write the scans of a folder's articles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--articles", type=Path, default=Path("articles"))
    parser.add_argument("--count", type=int, default=10, help="how many articles (default 10)")
    options = parser.parse_args()
    articles = read_articles(options.articles, _MAX_ARTICLE_CHARS)[: options.count]
    print(f"{make_scans(articles, options.folder)} scans of {len(articles)} articles in {options.folder}")


if __name__ == "__main__":
    main()
