"""`/docs`: the API's description to read and to try, served without another host."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

_OWN_FILES = Path(__file__).parent / "static"
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Dalil API</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="docs/swagger/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<script src="docs/swagger/swagger-ui-bundle.js"></script><script src="docs/files/docs.js"></script></body></html>
"""


def add_docs_page(app: FastAPI) -> None:
    """Serve `/docs` and the files that it is made of."""
    router = APIRouter()

    @router.get("/docs", include_in_schema=False)
    def show_docs() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    app.include_router(router)
    app.mount("/docs/swagger", StaticFiles(directory=str(files("fastapi_offline") / "static")))
    app.mount("/docs/files", StaticFiles(directory=_OWN_FILES))
