"""All settings, flat, from `DALIL_` environment variables. `docs/settings.md` lists them; a test compares."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag.errors import SettingsError

_PREFIX = "DALIL_"
_TEST_PREFIX = "DALIL_TEST_"
_OPENAI_MODEL = "gpt-4o-mini"
"""Asked for when `OPENAI_API_KEY` alone is set; any model of the account will do, see `DALIL_LLM_MODEL`."""

_SLOTS, _SLOTS_WITH_MODEL = 5, 32
"""On two cores, at four times the load they bear, answers keep a p95 of 0.2 s with 4 slots and 0.4 s with 8
(`python -m eval.bench.load`)."""
_OWN_ADDRESSES = ("127.0.0.1", "localhost", "::1")

Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+")]


class Settings(BaseSettings):
    """What can be set, with its range and default. Build it with `load`, which explains what is wrong."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    data_dir: Path = Field(Path(".dalil"), description="Folder of the index, when no Qdrant server is set")
    host: str = Field("127.0.0.1", description="Address the service listens on")
    port: int = Field(7860, ge=1, le=65535, description="Port the service listens on")

    qdrant_url: Url | None = Field(
        None, description="A Qdrant server or cluster to use instead of the folder; https for TLS"
    )
    qdrant_api_key: SecretStr | None = Field(None, description="Key of that server")
    qdrant_ca_file: Path | None = Field(None, description="Certificate authority of that server, when it is your own")
    qdrant_prefix: str = Field(
        "dalil", pattern=r"^[A-Za-z0-9_-]{1,60}$", description="First part of the names of its collections"
    )

    embedding_base_url: Url | None = Field(None, description="An OpenAI-compatible endpoint for the chunks' vectors")
    embedding_model: str | None = Field(None, description="Model to ask that endpoint for")
    embedding_api_key: SecretStr | None = Field(None, description="Key of that endpoint")

    llm_base_url: Url | None = Field(None, description="An OpenAI-compatible endpoint that writes the answers")
    llm_model: str | None = Field(None, description="Model to ask that endpoint for")
    llm_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DALIL_LLM_API_KEY", "OPENAI_API_KEY"),
        description="Key of that endpoint; OPENAI_API_KEY alone means OpenAI itself",
    )
    llm_timeout_s: float = Field(
        60, ge=1, le=600, description="Seconds to wait for an answer before the extractive one is given"
    )

    llm_context_tokens: int = Field(
        4096, ge=1500, le=1_000_000, description="What a prompt and its answer may take, in tokens of o200k_base"
    )

    chunk_tokens: int = Field(256, ge=64, le=400, description="Largest chunk, in tokens of o200k_base")
    top_k: int = Field(8, ge=1, le=50, description="Chunks retrieved for a question")
    refuse_below: float | None = Field(
        None, ge=0, le=1, description="Refuse below this probability; unset: as calibrated"
    )
    api_keys: SecretStr | None = Field(
        None, description="Keys, parted by commas, one of which each request must carry; unset: none is needed"
    )
    open_access: bool = Field(False, description="Listen on other addresses than this machine's own without keys")
    max_concurrent: int | None = Field(
        None, ge=1, le=10_000, description="Questions answered at once, more are sent away; unset: 5, with a model 32"
    )
    requests_per_minute: int = Field(0, ge=0, le=1_000_000, description="Of each caller; 0: no limit")
    max_body_bytes: int = Field(8_000_000, ge=10_000, le=1_000_000_000, description="Largest body of a request")
    max_question_chars: int = Field(2000, ge=50, le=20000, description="Longest question")
    max_article_chars: int = Field(2_000_000, ge=1000, le=20_000_000, description="Longest article")
    threads: int = Field(
        0,
        ge=0,
        le=256,
        description="Threads of the bundled model; 0: all cores, and one for each question when serving",
    )

    @model_validator(mode="after")
    def _complete(self) -> "Settings":
        if self.embedding_base_url and not self.embedding_model:
            raise ValueError("DALIL_EMBEDDING_BASE_URL needs DALIL_EMBEDDING_MODEL beside it")
        if self.host not in _OWN_ADDRESSES and not self.keys and not self.open_access:
            raise ValueError(
                f"DALIL_HOST={self.host} lets other machines in: set DALIL_API_KEYS, or DALIL_OPEN_ACCESS=true "
                "where nobody needs a key"
            )
        if self.llm_base_url and not self.llm_model:
            raise ValueError("DALIL_LLM_BASE_URL needs DALIL_LLM_MODEL beside it")
        return self

    @property
    def feedback_file(self) -> Path:
        """Where readers' ratings are kept."""
        return self.data_dir / "feedback.jsonl"

    @property
    def slots(self) -> int:
        """Questions answered at once. Without a model each takes a core, so more would only make all of them wait."""
        return self.max_concurrent or (_SLOTS_WITH_MODEL if self.model else _SLOTS)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that let a request in; none: everybody may."""
        given = self.api_keys.get_secret_value() if self.api_keys else ""
        return tuple(key.strip() for key in given.split(",") if key.strip())

    @property
    def model(self) -> str | None:
        """The language model that writes answers; None: answers are extractive."""
        if self.llm_base_url or self.llm_api_key:
            return self.llm_model or _OPENAI_MODEL
        return None


def load(environment: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
    """Settings from `environment`; raises SettingsError that names the variable and its allowed range."""
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    for name in environment:
        if name.startswith(_PREFIX) and not name.startswith(_TEST_PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise SettingsError(f"Unknown setting {name}." + (f" Did you mean {near[0]}?" if near else ""))
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("; ".join(_explained(dict(problem)) for problem in error.errors())) from None


def _explained(problem: dict[str, Any]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    name = str(problem["loc"][0])
    name = name if name.isupper() else _PREFIX + name.upper()
    return f"{name}: {message} (it is {problem['input']!r})"
