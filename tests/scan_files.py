"""Scans for tests: pages drawn with the font that Dalil ships, as pictures and as PDF files of pictures."""

import io
import shutil
from importlib import resources

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

TESSERACT_TEST = pytest.mark.skipif(
    shutil.which("tesseract") is None,
    reason="no Tesseract on this machine: install tesseract-ocr, tesseract-ocr-ara and tesseract-ocr-script-arab",
)
_FONT = resources.files("fontpkg_ibm_plex_sans_arabic") / "files" / "IBMPlexSansArabic-Regular.ttf"
WIDTH, HEIGHT = 1240, 700
"""A strip of A4 at 150 dpi: small, so that a test takes a second."""


def draw_page(lines, blur=0.0, size=34, direction="rtl"):
    """A page with lines of text, as a picture in grey."""
    page = Image.new("L", (WIDTH, HEIGHT), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.truetype(str(_FONT), size)
    anchor, x = ("ra", WIDTH - 80) if direction == "rtl" else ("la", 80)
    for at, line in enumerate(lines):
        draw.text((x, 70 + 2 * size * at), line, font=font, fill=0, anchor=anchor, direction=direction)
    return page.filter(ImageFilter.GaussianBlur(blur)) if blur else page


def save(pages, kind):
    """Pages as a file: `PNG`, `JPEG`, `TIFF`, `WEBP` or `PDF`."""
    content = io.BytesIO()
    several = {"save_all": True, "append_images": pages[1:]} if len(pages) > 1 else {}
    pages[0].save(content, kind, **several, **({"resolution": 150} if kind == "PDF" else {}))
    return content.getvalue()
