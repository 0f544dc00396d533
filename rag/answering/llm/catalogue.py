"""Models for Dalil that can be had as one file, and how such a file is fetched: only when told, and checked."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import InputError, ModelError

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A model that can be fetched.

    Attributes
    ----------
    name : str
        By which it is asked for.
    repository, file : str
        On Hugging Face.
    gigabytes : float
        About how large the file is; running it takes a little more memory.
    note : str
        What it is good for.
    """

    name: str
    repository: str
    file: str
    gigabytes: float
    note: str


_GEMMA_4B, _GEMMA_12B = "bartowski/google_gemma-3-4b-it-GGUF", "bartowski/google_gemma-3-12b-it-GGUF"

CATALOGUE = (
    CatalogueEntry("gemma-3-4b", _GEMMA_4B, "google_gemma-3-4b-it-Q4_K_M.gguf", 2.5, "for 4 GB of memory"),
    CatalogueEntry("gemma-3-4b-q8", _GEMMA_4B, "google_gemma-3-4b-it-Q8_0.gguf", 4.1, "the same, 8 bits, for 6 GB"),
    CatalogueEntry("gemma-3-12b", _GEMMA_12B, "google_gemma-3-12b-it-Q4_0.gguf", 6.9, "for 10 GB"),
)
"""Of twelve small models Gemma 3 (12B) wrote the best Arabic (arXiv 2606.21460). None of them could be tried here."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that can be fetched, as its repository describes it.

    Attributes
    ----------
    repository, file, revision : str
        Where it is; the revision is a commit.
    size : int
        Bytes.
    sha256 : str
        Of its content.
    licence : str
        As its repository names it.
    """

    repository: str
    file: str
    revision: str
    size: int
    sha256: str
    licence: str


def find_entry(name: str) -> CatalogueEntry:
    """What a name stands for: one of the catalogue, or `OWNER/REPOSITORY/FILE` on Hugging Face.

    Raises
    ------
    InputError
        When it is neither.
    """
    known = {entry.name: entry for entry in CATALOGUE}
    if name in known:
        return known[name]
    owner, _, rest = name.partition("/")
    repository, _, file = rest.partition("/")
    if not file.endswith(".gguf"):
        raise InputError(f"No model {name}: one of {', '.join(known)}, or OWNER/REPOSITORY/FILE.gguf on Hugging Face.")
    return CatalogueEntry(name, f"{owner}/{repository}", file, 0.0, "")


def describe_remote(entry: CatalogueEntry) -> RemoteFile:
    """Ask Hugging Face what a file is; nothing of it is fetched.

    Raises
    ------
    ModelError
        When it cannot be asked, or has no such file.
    """
    hub = _import_hub()
    try:
        info = hub.HfApi().model_info(entry.repository, files_metadata=True)
    except (hub.errors.HfHubHTTPError, hub.errors.OfflineModeIsEnabled, OSError, _http_error()) as error:
        raise ModelError(f"{entry.repository} cannot be looked up: {error}") from error
    found = next((one for one in info.siblings or () if one.rfilename == entry.file and one.lfs), None)
    if found is None:
        raise ModelError(f"{entry.repository} has no file {entry.file}.")
    licence = str((info.card_data or {}).get("license") or "none named")
    return RemoteFile(entry.repository, entry.file, info.sha, int(found.lfs.size), found.lfs.sha256, licence)


def fetch_remote(remote: RemoteFile, folder: Path) -> Path:
    """Fetch a file into a folder, and compare it with its hash.

    Raises
    ------
    ModelError
        When it cannot be fetched, or is not what was described; it is removed then.
    """
    hub = _import_hub()
    try:
        path = Path(
            hub.hf_hub_download(remote.repository, remote.file, revision=remote.revision, local_dir=str(folder))
        )
    except (hub.errors.HfHubHTTPError, hub.errors.OfflineModeIsEnabled, OSError, _http_error()) as error:
        raise ModelError(f"{remote.file} cannot be fetched: {error}") from error
    if _hash_file(path) != remote.sha256:
        path.unlink()
        raise ModelError(f"{remote.file} is not what its repository describes: its hash differs. It was removed.")
    return path


def _hash_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _http_error() -> type[Exception]:
    import httpx

    return httpx.HTTPError


def _import_hub() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise InputError("Fetching a model needs huggingface_hub: pip install 'dalil[local]'") from error
    return huggingface_hub
