"""The questions of the first screen that the articles answer, kept beside the index: trying them takes some 0.8 s of a
processor, just when the first reader comes to a service that was started again over the same articles."""

import json
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

from rag.answering.assistant import Assistant
from rag.embedding.model_files import write_atomically
from rag.types import Language

_FILE = "examples.json"


class KeptExamples:
    """Of one index, by language, each with what it was found for.

    Parameters
    ----------
    assistant : Assistant
        Over the index. Where there is no folder of it, nothing is kept.
    """

    def __init__(self, assistant: Assistant) -> None:
        self._path: Path = assistant.settings.data_dir / _FILE
        self._made_by = (version("dalil"), assistant.encoder.spec, assistant.settings.rerank_base_url)
        self._lock = Lock()

    def find(self, language: Language, state: object) -> list[str] | None:
        """Those that were found in a state of the collection; None where none are known for it."""
        kept = self._read().get(language)
        if not isinstance(kept, dict) or kept.get("state") != self._digest(state):
            return None
        return [str(question) for question in kept.get("questions", ())]

    def keep(self, language: Language, state: object, questions: list[str]) -> None:
        """Keep them in place of those of an earlier state; a folder that cannot be written is done without."""
        if not self._path.parent.is_dir():
            return
        with self._lock, suppress(OSError):
            kept = self._read() | {language: {"state": self._digest(state), "questions": questions}}
            write_atomically(self._path, json.dumps(kept, ensure_ascii=False).encode())

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def _digest(self, state: object) -> str:
        return sha256(repr((self._made_by, state)).encode()).hexdigest()
