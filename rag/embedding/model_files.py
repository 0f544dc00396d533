"""Model files: made on this machine when they are first needed, whole or not at all."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rag.embedding.onnx_runtime import Device, check_device, choose_providers, import_onnxruntime
from rag.errors import EmbeddingError

_Opened = TypeVar("_Opened")


def default_cache() -> Path:
    """Where the model files are kept: `$XDG_CACHE_HOME/dalil`, else `~/.cache/dalil`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dalil"


def write_atomically(path: Path, content: bytes) -> None:
    """Put a file in place whole or not at all, whoever else is doing the same at this moment. A new one is this user's
    alone; one that is there keeps its owner and who may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            _copy_access(path, Path(temporary))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _copy_access(source: Path, target: Path) -> None:
    found = source.stat()
    target.chmod(stat.S_IMODE(found.st_mode))
    if os.geteuid() == 0:
        os.chown(target, found.st_uid, found.st_gid)


def open_or_build(
    path: Path, build: Callable[[], bytes], open_file: Callable[[], _Opened], damaged: tuple[type[Exception], ...]
) -> _Opened:
    """Open a model file, building it where it is missing and once more where it is damaged.

    Raises
    ------
    EmbeddingError
        When the file cannot be written.
    """
    try:
        if not path.exists():
            write_atomically(path, build())
        try:
            return open_file()
        except damaged:
            write_atomically(path, build())
            return open_file()
    except OSError as error:
        raise EmbeddingError(
            f"The model file {path} cannot be written ({error.strerror}): set XDG_CACHE_HOME to a folder that can"
        ) from error


def open_session(path: Path, build: Callable[[], bytes], threads: int | None, device: Device = "cpu") -> Any:
    """An ONNX Runtime session over a model file, which is built where it is missing or damaged.

    Parameters
    ----------
    path : Path
        Of the file.
    build : callable
        Gives its content.
    threads : int, optional
        Unset or 0: all cores.
    device : Device
        What computes.

    Raises
    ------
    EmbeddingError
        When the file cannot be written, or the device is not there.
    """
    onnxruntime, providers = import_onnxruntime(), choose_providers(device)
    state = onnxruntime.capi.onnxruntime_pybind11_state
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    # Waiting for its next call, the second thread would take its core from the store for milliseconds: a query p50
    # 18.3 ms, p95 25.4; without 12.9 and 19.6. Within a call it spins: 46 passages a second, without 38.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = open_or_build(
        path,
        build,
        lambda: onnxruntime.InferenceSession(path, options, providers=providers),
        (state.InvalidProtobuf, state.InvalidArgument, state.InvalidGraph, state.Fail, state.NoSuchFile),
    )
    check_device(session, device)
    return session
