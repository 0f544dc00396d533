"""The names of models that OpenAI's clients may ask for."""

from fnmatch import fnmatchcase

from rag.errors import NotFoundError
from rag.settings import Settings
from rag.types import RequestedMode

DEFAULT_MODEL = "dalil"
_MODES: dict[str, RequestedMode] = {DEFAULT_MODEL: "auto", "dalil-extractive": "extractive"}
"""Dalil's own names, and the mode each answers in."""
_LATEST = ":latest"
"""What clients that know Ollama put behind a name."""


class ModelNames:
    """Dalil's own names, and those that are set.

    Parameters
    ----------
    settings : Settings
        Which other names are taken for `dalil`.
    """

    def __init__(self, settings: Settings) -> None:
        self._patterns = settings.model_patterns

    def list_names(self) -> list[str]:
        """The names to choose from: patterns are none."""
        return [*_MODES, *(pattern for pattern in self._patterns if "*" not in pattern and pattern not in _MODES)]

    def find_mode(self, name: str) -> RequestedMode:
        """The mode that a model answers in.

        Raises
        ------
        NotFoundError
            When there is no such model.
        """
        own = name.removesuffix(_LATEST)
        if own in _MODES:
            return _MODES[own]
        if any(fnmatchcase(name, pattern) for pattern in self._patterns):
            return _MODES[DEFAULT_MODEL]
        raise NotFoundError(
            f"There is no model {name!r}: ask for {' or '.join(_MODES)}. Whoever runs the service can take other names "
            "for it by DALIL_ACCEPTED_MODELS."
        )
