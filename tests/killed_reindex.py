"""Index folders that are built again by a process that is killed: `python -m tests.killed_reindex FOLDER`.

Each line of standard input is the number of the step at which the child process of a round gets SIGKILL: before it
renames a file or a folder, or removes one. The line printed for each round is `killed`, `finished` or `failed`.
"""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ingest.embedding import embed_articles
from ingest.folder_reindex import FolderReindex
from rag.embedding import Matrix, PassageVectors
from rag.embedding.base import BUNDLED
from rag.settings import Settings, load_settings
from tests.doubles import WordEncoder, article

_REMOVED_TOGETHER = 100
"""Of the files of an index, which are hundreds, one of so many is a step."""


class SizedEncoder(WordEncoder):
    """Vectors as long as those of the bundled models, at no cost."""

    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        made = super().embed_passages(passages)
        return [one._replace(dense=np.pad(one.dense, (0, BUNDLED.dimension - len(one.dense)))) for one in made]

    def embed_sentences(self, texts: Sequence[str]) -> Matrix:
        vectors = super().embed_sentences(texts)
        return np.pad(vectors, ((0, 0), (0, BUNDLED.sentence_dimension - vectors.shape[1])))


def other_settings(folder: Path) -> Settings:
    """Those that the index is built again with."""
    return load_settings({}, data_dir=folder, chunk_tokens=100)


def reindex(folder: Path) -> None:
    """Build the index again."""
    FolderReindex(other_settings(folder)).run(SizedEncoder, lambda done, total: None)


def _die_at(number: int) -> None:
    """Have this process end before its step of a number."""
    left, removed = [number], [0]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        removed[0] += event == "os.remove"
        if event == "os.rename" or (event == "os.remove" and removed[0] % _REMOVED_TOGETHER == 1):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def run_round(folder: Path, number: int) -> str:
    """One round, in a child process."""
    child = os.fork()
    if child == 0:
        try:
            _die_at(number)
            reindex(folder)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed"
    return "failed" if os.waitstatus_to_exitcode(status) else "finished"


if __name__ == "__main__":
    # What is slow to load is loaded before the children are forked.
    list(embed_articles([article("جملة واحدة.")], 100, SizedEncoder()))
    for line in sys.stdin:
        print(run_round(Path(sys.argv[1]), int(line)), flush=True)
