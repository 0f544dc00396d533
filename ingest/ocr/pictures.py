"""Pages as pictures that Tesseract reads, of PDF files and of files that are pictures; in a child process."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps, ImageSequence

from ingest.pdf.prepare import open_document
from ingest.reasons import reason
from rag.errors import ReadError

_DPI = 200
"""What scanners mostly give; 300 reads no better (docs/explanation/decisions.md)."""
_POINTS_PER_INCH = 72
_MAX_PIXELS = 24_000_000
"""Of a picture that is read: A3 at 300 dpi has 17. A larger one is made smaller."""
_MAX_OPENED_PIXELS = 150_000_000
"""Of a picture that is opened: three bytes each are within the memory of a step."""
_MIN_WIDTH = 1600
"""Pixels, of A4 at 194 dpi: of smaller pictures, such as of screens, lines got lost; they are made twice as large."""
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP")
_PAGED = "TIFF"
_WHITE = 255
_COLOURS = ("RGB", "CMYK", "YCbCr", "LAB", "HSV", "P")
_SHOWN_WIDTH, _SHOWN_HEIGHT, _SHOWN_QUALITY = 2000, 4000, 80
"""Pixels, and quality as JPEG, of a picture that is kept to be shown."""
_NO_TIME = time.gmtime(0)
"""So that the same picture is the same PDF."""


class Picture(NamedTuple):
    """A page in grey, upright, as PNG in a file.

    Attributes
    ----------
    number : int
        Of the page, from 0.
    path : Path
        The file.
    dpi : int
        Pixels in an inch.
    width, height : int
        Pixels.
    """

    number: int
    path: Path
    dpi: int
    width: int
    height: int


def draw_pages(path: str, folder: Path, numbers: Sequence[int], password: str | None) -> Iterator[Picture]:
    """Pages of a PDF, one at a time.

    Parameters
    ----------
    path : str
        The PDF.
    folder : Path
        Where the pictures go; whoever takes one removes it.
    numbers : sequence of int
        Of the pages, from 0.
    password : str or None
        Of the PDF.
    """
    document = open_document(path, password)
    for number in numbers:
        page = document[number]
        width, height = page.get_size()
        scale = min(_DPI / _POINTS_PER_INCH, sqrt(_MAX_PIXELS / max(1.0, width * height)))
        image = page.render(scale=scale, grayscale=True).to_pil()
        page.close()
        yield _save(image, folder, number, round(scale * _POINTS_PER_INCH))


def save_as_pdf(path: str, copy: str) -> None:
    """Write the pages of a picture as a PDF, to be shown: a step of `ingest.pdf.child`.

    Parameters
    ----------
    path : str
        The picture.
    copy : str
        Where the PDF goes; the same for the same picture.

    Raises
    ------
    ReadError
        When the picture cannot be opened.
    """
    with _map_failures(), Image.open(path, formats=_FORMATS) as opened:
        first, *others = map(_to_shown, _frames(opened))
        dates = {"creationDate": _NO_TIME, "modDate": _NO_TIME}
        first.save(copy, "PDF", save_all=True, append_images=others, quality=_SHOWN_QUALITY, **dates)


def open_frames(path: str, folder: Path, max_pages: int) -> Iterator[Picture]:
    """The pages of a picture: each frame of a TIFF, the first of others.

    Parameters
    ----------
    path : str
        The file.
    folder : Path
        As that of `draw_pages`.
    max_pages : int
        Most of them.

    Raises
    ------
    ReadError
        When it cannot be opened, or is too large.
    """
    with _map_failures(), Image.open(path, formats=_FORMATS) as opened:
        for number, frame in enumerate(_frames(opened)):
            if number == max_pages:
                raise ReadError(reason("picture_pages", limit=max_pages))
            yield _save(_enlarge(_to_grey(frame)), folder, number, _DPI)


def _frames(opened: Image.Image) -> Iterator[Image.Image]:
    """The pages of a picture, upright."""
    for frame in ImageSequence.Iterator(opened) if opened.format == _PAGED else iter([opened]):
        if frame.width * frame.height > _MAX_OPENED_PIXELS:
            raise ReadError(reason("picture_pixels", limit=_MAX_OPENED_PIXELS / 1e6))
        yield ImageOps.exif_transpose(frame)


@contextmanager
def _map_failures() -> Iterator[None]:
    Image.MAX_IMAGE_PIXELS = None  # what is too large is refused in our own words, before it is decoded
    try:
        yield
    except (OSError, ValueError, SyntaxError, ArithmeticError, LookupError, TypeError) as error:
        # What Pillow raises for files that are cut off, or made to be odd.
        raise ReadError(reason("picture_damaged")) from error


def _to_shown(image: Image.Image) -> Image.Image:
    """As it is shown: in colours where it has some, no wider than a page is ever drawn."""
    shown = image.convert("RGB") if image.mode in _COLOURS and not image.has_transparency_data else _to_grey(image)
    shown.thumbnail((_SHOWN_WIDTH, _SHOWN_HEIGHT))
    return shown


def _to_grey(image: Image.Image) -> Image.Image:
    """In grey, on white where it lets through."""
    if image.has_transparency_data:
        shown = image.convert("RGBA")
        ground = Image.new("RGBA", shown.size, "white")
        return Image.alpha_composite(ground, shown).convert("L")
    if image.mode.startswith(("I", "F")):  # more than eight bits
        low, high = image.convert("F").getextrema()
        span = max(1.0, float(high) - float(low))  # type: ignore[arg-type]
        return image.convert("F").point(lambda value: (value - low) * (_WHITE / span)).convert("L")
    return image.convert("L")


def _enlarge(image: Image.Image) -> Image.Image:
    """Twice as large where it is small, smaller where it is too large."""
    if image.width < _MIN_WIDTH:
        return image.resize((2 * image.width, 2 * image.height), Image.Resampling.BICUBIC)
    share = sqrt(_MAX_PIXELS / (image.width * image.height))
    return image if share >= 1 else image.resize((round(share * image.width), round(share * image.height)))


def _save(image: Image.Image, folder: Path, number: int, dpi: int) -> Picture:
    path = folder / f"{number}.png"
    image.save(path, compress_level=1)
    return Picture(number, path, dpi, image.width, image.height)
