"""The one place where ONNX Runtime is imported, so that its telemetry is off before its first instruction."""

import os
from typing import Any, Literal

from rag.errors import EmbeddingError

Device = Literal["cpu", "cuda"]
_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_OFF = "ORT_DISABLE_TELEMETRY"


def import_onnxruntime() -> Any:
    """The module `onnxruntime`, which writes nothing beside the models and tells nobody anything.

    Notes
    -----
    ONNX Runtime 1.31 writes a device id and a database into `Microsoft` of the cache folder as it is imported, and soon
    after looks up its maker's collector to send to it, whether or not `disable_telemetry_events` was called in between
    (measured: after nine seconds, then every few). Only the variable, set before the import, keeps it from both; the
    call is for a process that imported it before Dalil did. What imports it by itself (fastembed) comes after this.
    """
    os.environ[_OFF] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


def choose_providers(device: Device) -> list[str]:
    """What ONNX Runtime is to compute with, first choice first.

    Raises
    ------
    EmbeddingError
        When the package that is installed cannot use the device.
    """
    if device == "cpu":
        return [_CPU]
    available = import_onnxruntime().get_available_providers()
    if _CUDA not in available:
        raise EmbeddingError(
            "DALIL_ENCODER_DEVICE=cuda needs ONNX Runtime for CUDA, and what is installed computes with "
            f"{', '.join(available)} alone: `pip uninstall onnxruntime`, then `pip install onnxruntime-gpu` of the "
            "same version. Without a GPU leave the setting out."
        )
    return [_CUDA, _CPU]


def check_device(session: Any, device: Device) -> None:
    """Make sure that a session computes on its device: ONNX Runtime falls back on the processor by itself.

    Raises
    ------
    EmbeddingError
        When it does not.
    """
    if device == "cuda" and _CUDA not in session.get_providers():
        raise EmbeddingError(
            "DALIL_ENCODER_DEVICE=cuda: ONNX Runtime finds no GPU that it can use. Look whether `nvidia-smi` names "
            "one, and whether CUDA and cuDNN are of the versions that this onnxruntime-gpu wants."
        )
