"""The files that the page is made of: packed once (`ui.page.packing`) and kept in memory, since Gradio packs some sixty
of them anew for each visitor, and each goes through all that guards the routes.

They are the same for everybody and hold nothing of the articles. Gradio's have a hash of their content in their names,
and so have our scripts and styles, joined to one file each: browsers keep them without asking again.
"""

import gzip
import mimetypes
import re
import threading
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rag.language.languages import LANGUAGES
from ui.page.packing import pack_once

STATIC_FOLDER = Path(__file__).parent / "static"
_STYLES = ("page", "chat", "article", "documents", "shell")
_SCRIPTS = ("session", "shell", "dialogs", "tabs", "links", "start", "article", "documents", "conversations", "page")
"""In the order in which they need each other."""
_GZIP_LEVEL = 9
"""Packed once, so as small as it goes."""
_KEPT = "public, max-age=31536000, immutable"
_GRADIO_ASSET = re.compile(rf"/(?:{'|'.join(LANGUAGES)})/assets/([^/]+)")
_SOURCE_MAP = ".map"
_HASH_LENGTH = 16
"""Hexadecimal digits of a name: 64 bits."""


class _PackedFile(NamedTuple):
    content: bytes
    packed: bytes
    media_type: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "_PackedFile":
        kind = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0]
        packed = pack_once(f"gzip-{_GZIP_LEVEL}", content, lambda plain: gzip.compress(plain, _GZIP_LEVEL, mtime=0))
        return cls(content, packed, kind or "application/octet-stream")


class PackedFiles:
    """All of them, by the path of a request.

    Parameters
    ----------
    gradio_folder : Path
        Of the front end that Gradio brings.
    """

    def __init__(self, gradio_folder: Path) -> None:
        files = (path for path in gradio_folder.iterdir() if path.suffix != _SOURCE_MAP)
        self._paths: Mapping[str, Path] = {path.name: path for path in files}
        self._own = {f"/page/{name}": _PackedFile.of(name, content) for name, content in _join_own_files().items()}
        self._packed: dict[str, _PackedFile] = {}
        self._lock = threading.Lock()

    def has(self, path: str) -> bool:
        """Whether the path of a request is that of a file."""
        asset = _GRADIO_ASSET.fullmatch(path)
        return path in self._own or bool(asset and asset.group(1) in self._paths)

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file that a request asks for."""
        file = self._own.get(scope["path"]) or self._pack(scope["path"].rpartition("/")[2])
        is_packed = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
        headers = {"cache-control": _KEPT, "vary": "Accept-Encoding"}
        headers |= {"content-encoding": "gzip"} if is_packed else {}
        body = file.packed if is_packed else file.content
        await Response(body, media_type=file.media_type, headers=headers)(scope, receive, send)

    def _pack(self, name: str) -> _PackedFile:
        with self._lock:
            if name not in self._packed:
                self._packed[name] = _PackedFile.of(name, self._paths[name].read_bytes())
            return self._packed[name]


@cache
def open_packed_files(gradio_folder: Path) -> PackedFiles:
    """Those of a front end, which are the same for the pages of all collections."""
    return PackedFiles(gradio_folder)


def find_own_names() -> tuple[str, str]:
    """The names, beneath `/page/`, of our styles and our scripts."""
    styles, scripts = _join_own_files()
    return styles, scripts


@cache
def _join_own_files() -> dict[str, bytes]:
    kinds = {"css": _STYLES, "js": _SCRIPTS}
    joined = {
        kind: b"\n".join((STATIC_FOLDER / f"{name}.{kind}").read_bytes() for name in names)
        for kind, names in kinds.items()
    }
    return {f"all-{sha256(text).hexdigest()[:_HASH_LENGTH]}.{kind}": text for kind, text in joined.items()}
