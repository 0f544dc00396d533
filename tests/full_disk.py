"""A service on a disk that fills up: `python -m tests.full_disk FOLDER`.

Everything is in this one process, so that a signal of the kernel (SIGBUS) is its exit code. A line is printed for each
step, `step status`, as JSON.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from rag.answering.assistant import Assistant
from rag.retrieval.calibration import load_calibration
from rag.retrieval.retriever import HybridRetriever
from rag.settings import load_settings
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
from tests.doubles import WordEncoder, local_client
from ui.api import AnswerService, create_app

CONFIG = IndexConfig("words", 64, 64, 64, 320)
TOWER = "بُني برج الساعة عام 1921 من الحجر الأبيض."
QUESTION = {"question": "متى بُني برج الساعة؟"}
LEFT_FOR_UPLOADS, LEFT_FOR_NOTHING = 80_000_000, 200_000
"""Bytes: a few uploads more than a write leaves free; less than removing an article may take."""


class Disk:
    """The file system of a folder, with a file that takes room away."""

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def leave(self, size: int) -> None:
        """Fill it up to so many bytes."""
        self.empty()
        os.sync()  # ext4 counts what it has not placed yet as free, or as taken
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self._filler.parent).free - size)

    def empty(self) -> None:
        """Give all of it back."""
        self._filler.unlink(missing_ok=True)


class Visitor:
    """Calls a service, and prints what it says."""

    def __init__(self, assistant: Assistant) -> None:
        self._client = local_client(create_app(AnswerService(assistant)), raise_server_exceptions=False)

    def upload(self, name: str, text: str) -> int:
        headers = {"Content-Type": "text/plain"}
        return self._say("upload", self._client.post(f"/v1/articles?name={name}", content=text, headers=headers))

    def ask(self) -> None:
        """Ask what only the tower tells, and expect the answer."""
        answer = self._client.post("/v1/ask", json=QUESTION)
        self._say("ask", answer)
        assert "1921" in answer.json()["citations"][0]["quote"]

    def remove(self, name: str) -> None:
        self._say("remove", self._client.delete(f"/v1/articles/{name}"))

    def list_articles(self) -> list[str]:
        return [one["id"] for one in self._client.get("/v1/articles?limit=1000").json()["data"]]

    def _say(self, step: str, response: Any) -> int:
        message = response.json()["error"]["message"] if response.status_code >= 400 else None
        print(json.dumps([step, response.status_code, message], ensure_ascii=False), flush=True)
        return int(response.status_code)


def make_text(number: int) -> str:
    """A text whose chunks take about a megabyte of the disk."""
    return "\n".join(f"سطر {line} من المقالة {number} عن نهر يمر بين جبال عالية ومدن قديمة." for line in range(300))


def fill_up(visitor: Visitor, disk: Disk) -> None:
    """Upload until the disk is full, ask in between; remove, with hardly any room and with some; go on."""
    assert visitor.upload("tower", TOWER) == 201
    disk.leave(LEFT_FOR_UPLOADS)
    names = ["tower"]
    while visitor.upload(f"a{len(names)}", make_text(len(names))) == 201:
        names.append(f"a{len(names)}")
        visitor.ask()
    visitor.ask()
    assert sorted(visitor.list_articles()) == sorted(names)
    visitor.remove(names[1])
    visitor.ask()
    disk.leave(LEFT_FOR_NOTHING)
    visitor.remove(names[2])
    visitor.upload("small", "مقال قصير عن القطط.")
    visitor.ask()
    disk.empty()
    visitor.remove(names[2])
    visitor.upload("small", "مقال قصير عن القطط.")
    visitor.ask()
    assert sorted(visitor.list_articles()) == sorted(["small", "tower", *names[3:]])


def open_assistant(folder: Path) -> Assistant:
    """An assistant over an index in a folder, without any model."""
    settings = load_settings({}, data_dir=folder, refuse_below=0.0)
    store, encoder = Store(EdgeEngine(folder), CONFIG), WordEncoder()
    return Assistant(settings, store, encoder, HybridRetriever(store, encoder, load_calibration()), None)


if __name__ == "__main__":
    disk = Path(sys.argv[1])
    with open_assistant(disk / "index") as opened:
        fill_up(Visitor(opened), Disk(disk))
    with open_assistant(disk / "index") as again:
        Visitor(again).ask()
