"""The letters of the page: the packaged font as it is, as WOFF2, which is two thirds of what gzip makes of it."""

import io
import threading
from functools import cache
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Response
from starlette.exceptions import HTTPException

from ui.page.packing import pack_once

FONTS = ("IBMPlexSansArabic-Regular", "IBMPlexSansArabic-Bold")
"""Those that page.css names."""
_TYPE = "font/woff2"
_lock = threading.Lock()


def add_font_routes(app: FastAPI) -> None:
    """Serve them beneath `/page/fonts`."""

    @app.get("/page/fonts/{name}.woff2", include_in_schema=False)
    def read_font(name: str) -> Response:
        if name not in FONTS:
            raise HTTPException(404)
        return Response(read_woff2(name), media_type=_TYPE)


def read_woff2(name: str) -> bytes:
    """One of `FONTS`; it is converted once, which takes 0.7 s of a processor."""
    with _lock:
        return _load(name)


@cache
def _load(name: str) -> bytes:
    # Imported here: no other command needs it.
    import fontpkg_ibm_plex_sans_arabic as plex

    content = (Path(str(plex.__file__)).parent / "files" / f"{name}.ttf").read_bytes()
    return pack_once(f"fonttools-{version('fonttools')}.woff2", content, _convert)


def _convert(content: bytes) -> bytes:
    from fontTools.ttLib import TTFont

    written = io.BytesIO()
    with TTFont(io.BytesIO(content)) as font:
        font.flavor = "woff2"
        font.save(written)
    return written.getvalue()
