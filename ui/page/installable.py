"""The page as an app that is installed: its manifest in each language, and what is shown without a network."""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse

from rag.language.languages import LANGUAGES
from rag.types import Language
from ui.page.html import direction_of, render_macro
from ui.page.labels import load_labels

_BRAND, _GROUND = "#0f766e", "#f5f5f4"
"""`--brand` and `--ground` of page.css."""
_PNG_SIZES = (192, 512)
"""Of the icons that installing asks for (https://web.dev/articles/install-criteria)."""
_MANIFEST_TYPE = "application/manifest+json"


def add_app_routes(app: FastAPI) -> None:
    """Add them beneath `/page`, which needs no key: they hold nothing of the articles."""

    @app.get("/page/manifest-{language}.json", include_in_schema=False)
    def describe_app(language: Language) -> JSONResponse:
        return JSONResponse(make_manifest(language), media_type=_MANIFEST_TYPE)

    @app.get("/page/offline.html", include_in_schema=False)
    def show_offline() -> HTMLResponse:
        pages = [{"language": language, "labels": load_labels(language)} for language in LANGUAGES]
        return HTMLResponse(render_macro("login", "offline", pages=pages))


def make_manifest(language: Language) -> dict[str, Any]:
    """What a browser is told of the app in one language; addresses are seen from the manifest's own."""
    labels = load_labels(language)
    icons = [{"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"}]
    icons += [{"src": f"icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"} for size in _PNG_SIZES]
    maskable = {"src": "icon-maskable.png", "sizes": "512x512", "type": "image/png", "purpose": "maskable"}
    return {
        "name": f"{labels['title']} - {labels['tagline']}",
        "short_name": labels["title"],
        "description": labels["tagline"],
        "lang": language,
        "dir": direction_of(language),
        "id": "../",
        "start_url": f"../{language}/",
        "scope": "../",
        "display": "standalone",
        "background_color": _GROUND,
        "theme_color": _BRAND,
        "icons": [*icons, maskable],
    }
