"""The one place where ONNX Runtime is imported, so that its telemetry is off before its first instruction."""

import os
from typing import Any

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
