"""A model without a server: llama.cpp in this process, from a GGUF file (`pip install 'dalil[local]'`).

llama.cpp's own server runs on a loopback port that only this process has the key of, and is asked as any endpoint is:
one way for texts, errors, limits, and for giving a call up.
"""

import secrets
import threading
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from rag.answering.llm.endpoint import ChatEndpoint, TextDelta
from rag.errors import ModelError, SettingsError
from rag.settings import Settings

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

_QUIET = 0
_LOOPBACK = "127.0.0.1"


class LocalModel:
    """A model in this process, loaded when it is first asked. Safe to use from several threads; it answers one at a
    time.

    Parameters
    ----------
    settings : Settings
        Name the file, the context and the threads.

    Raises
    ------
    SettingsError
        When there is no such file, or llama.cpp is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        path = settings.llm_gguf
        if path is None or not path.is_file():
            raise SettingsError(f"DALIL_LLM_GGUF: there is no file {path}")
        if find_spec("xllamacpp") is None:
            raise SettingsError("DALIL_LLM_GGUF needs llama.cpp: pip install 'dalil[local]'")
        self._settings, self._path, self._lock = settings, path, threading.Lock()
        self._server: Any = None
        self._endpoint: ChatEndpoint | None = None

    def stream_chat(self, messages: "Sequence[ChatMessage]") -> Iterator[TextDelta]:
        """Answer a conversation: what is new of the text.

        Raises
        ------
        ModelError
            When the file cannot be loaded, and as an endpoint does.
        """
        with self._lock:
            if self._endpoint is None:
                self._endpoint = self._load()
        yield from self._endpoint.stream_chat(messages)

    def _load(self) -> ChatEndpoint:
        import xllamacpp

        key, params = secrets.token_urlsafe(), xllamacpp.CommonParams()
        params.model.path = str(self._path)
        params.hostnames, params.port, params.api_keys = [_LOOPBACK], 0, [key]
        params.n_ctx, params.n_parallel, params.verbosity = self._settings.llm_context_tokens, 1, _QUIET
        params.endpoint_slots = params.endpoint_props = False
        if self._settings.llm_threads:
            params.cpuparams.n_threads = params.cpuparams_batch.n_threads = self._settings.llm_threads
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise ModelError(f"{self._path} cannot be loaded: {error}") from error
        address = {"llm_base_url": f"{self._server.listening_address}/v1", "llm_api_key": SecretStr(key)}
        return ChatEndpoint(self._settings.model_copy(update=address))
