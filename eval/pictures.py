"""The pictures of the page in the README: `python -m eval.pictures`, where Chromium and Playwright are here.

`dalil serve` runs over the sample articles, and a browser is led to what each picture shows. They are written into
docs/images, each with few colours, so that it stays small.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from eval.bench.serving import run_service
from eval.browser import open_browser
from rag.language.languages import DEFAULT_LANGUAGE, other_language
from rag.types import Language

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_COLOURS = 128
_SETTLED_MS = 900
_WIDE, _PHONE = (1280, 800), (390, 780)
_ARABIC, _ENGLISH = DEFAULT_LANGUAGE, other_language(DEFAULT_LANGUAGE)
_STATION = "من صمم محطة الحجاز في دمشق؟"
_OUD = "من لُقّب بملك العود؟"
_ABSENT = "كم عدد سكان طوكيو اليوم؟"
_CORES, _SHARE = "Which chip has 6912 CUDA cores?", "What percentage of Scale AI did Meta get?"


class Picture(NamedTuple):
    """One picture: its file's name, the page that it is of, and what is done there first."""

    name: str
    language: Language
    lead: Callable[["Page"], None]
    size: tuple[int, int] = _WIDE
    is_dark: bool = False


def _stay(page: "Page") -> None:
    page.mouse.move(0, 0)


def _ask(*questions: str, opens: bool = True) -> Callable[["Page"], None]:
    """Ask, and open the article at the first citation of the last answer."""

    def lead(page: "Page") -> None:
        for number, question in enumerate(questions, 1):
            page.fill("#dalil-question textarea", question)
            page.press("#dalil-question textarea", "Enter")
            page.wait_for_function(f"document.querySelectorAll('.dalil-actions').length === {number}")
        if opens:
            page.locator(".dalil-turn").last.locator("button.dalil-chip").first.click()
            page.wait_for_selector("#dalil-evidence mark")

    return lead


def _open_articles(page: "Page") -> None:
    page.click("#dalil-library-button")
    page.wait_for_selector(".dalil-articles tbody tr")


PICTURES = (
    Picture("page-ar", _ARABIC, _ask(_OUD)),
    Picture("page-en-dark", _ENGLISH, _ask(_CORES), is_dark=True),
    Picture("first-visit-ar", _ARABIC, _stay),
    Picture("first-visit-en", _ENGLISH, _stay),
    Picture("refusal-ar", _ARABIC, _ask(_ABSENT, opens=False)),
    Picture("articles-ar", _ARABIC, _open_articles),
    Picture("articles-en-dark", _ENGLISH, _open_articles, is_dark=True),
    Picture("phone-ar", _ARABIC, _ask(_STATION, opens=False), _PHONE),
    Picture("phone-en-dark", _ENGLISH, _ask(_SHARE), _PHONE, is_dark=True),
)


def draw_pictures(articles: Path, into: Path) -> dict[str, int]:
    """Write all of them.

    Parameters
    ----------
    articles : Path
        Folder of the sample articles.
    into : Path
        Folder of the pictures.

    Returns
    -------
    dict of str to int
        Bytes by the names of the files.
    """
    with tempfile.TemporaryDirectory() as folder:
        ingest = [sys.executable, "-m", "ui.cli", "ingest", str(articles)]
        subprocess.run(ingest, env=os.environ | {"DALIL_DATA_DIR": folder}, check=True, capture_output=True)
        with run_service(Path(folder)) as url, open_browser() as browser:
            return {f"{one.name}.png": _draw(browser, url, one, into / f"{one.name}.png") for one in PICTURES}


def _draw(browser: "Browser", url: str, picture: Picture, file: Path) -> int:
    width, height = picture.size
    page = browser.new_page(viewport={"width": width, "height": height}, locale=picture.language)
    theme = "dark" if picture.is_dark else "light"
    page.add_init_script(f'localStorage.setItem("dalil.theme", "{theme}")')
    page.goto(f"{url}/{picture.language}/")
    page.wait_for_selector(".dalil-welcome")
    picture.lead(page)
    page.wait_for_timeout(_SETTLED_MS)
    drawn = Image.open(BytesIO(page.screenshot())).convert("RGB")
    page.close()
    drawn.quantize(_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(file, optimize=True)
    return file.stat().st_size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=Path, default=Path("articles"))
    parser.add_argument("--into", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    for name, size in draw_pictures(options.articles, options.into).items():
        print(f"{name}  {size / 1000:.0f} kB")
