"""All settings, flat, from `DALIL_` environment variables. `docs/reference/settings.md` lists them; a test compares."""

import difflib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from rag.errors import SettingsError
from rag.types import OcrMode

DEFAULT_COLLECTION = "default"
COLLECTION_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,29}")
_COLLECTIONS_FOLDER = "collections"
_PREFIX = "DALIL_"
_TEST_PREFIX = "DALIL_TEST_"
_OPENAI_KEY, _OPENAI_BASE_URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
_OPENAI_DOMAIN = "openai.com"
_OPENAI_MODEL = "gpt-4o-mini"
"""Asked for when `OPENAI_API_KEY` alone is set; any model of the account will do, see `DALIL_LLM_MODEL`."""
_CONCURRENT_ANSWERS, _CONCURRENT_ANSWERS_WITH_LLM = 5, 32
"""On two cores, at four times the load they bear, answers keep a p95 of 0.2 s with 4 at once and 0.4 s with 8
(`python -m eval.bench.load`)."""
_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def _check_addresses(value: str) -> str:
    """Addresses, parted by commas, that whoever asks them can take apart."""
    for url in value.split(","):
        try:
            is_address = bool(urlsplit(url.strip()).hostname) and urlsplit(url.strip()).port != 0
        except ValueError:
            is_address = False
        if not is_address:
            raise ValueError("an address with a host, and a port up to 65535 or none, is wanted")
    return value


def _check_address(value: str) -> str:
    """One address, in which a comma is any other letter."""
    _check_addresses(value.replace(",", ""))
    return value


Urls = Annotated[
    str,
    Field(pattern=r"^https?://[^\s/,]+[^\s,]*(\s*,\s*https?://[^\s/,]+[^\s,]*)*$"),
    AfterValidator(_check_addresses),
]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+"), AfterValidator(_check_address)]


def _parse_object(value: object) -> object:
    """A JSON object, which an environment variable holds as text."""
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ValueError("a JSON object is wanted")
    return parsed


JsonObject = Annotated[dict[str, Any], BeforeValidator(_parse_object)]


class Settings(BaseModel):
    """What can be set, with its range and default. Build it with `load_settings`, which explains what is wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_dir: Path = Field(Path(".dalil"), description="Folder of the index, when no Qdrant server is set")
    host: str = Field("127.0.0.1", description="Address the service listens on")
    port: int = Field(7860, ge=1, le=65535, description="Port the service listens on")

    qdrant_url: Urls | None = Field(
        None,
        description="A Qdrant server to use instead of the folder, or nodes of a cluster, parted by commas; https: TLS",
    )
    qdrant_api_key: SecretStr | None = Field(None, description="Key of that server")
    qdrant_ca_file: Path | None = Field(None, description="Certificate authority of that server, when it is your own")
    qdrant_prefix: str = Field(
        "dalil", pattern=r"^[A-Za-z0-9_-]{1,60}$", description="First part of the names of its collections"
    )
    qdrant_timeout_s: float = Field(
        5, ge=0.5, le=600, description="Seconds to wait for that server's answer to what writes nothing"
    )
    qdrant_grpc_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of that server's gRPC, mostly 6334: what is read comes that way, by HTTP where it does not "
        "answer; unset: all by HTTP",
    )
    qdrant_shards: int | None = Field(
        None, ge=1, le=1000, description="Parts of the collections it creates; unset: one for each node of a cluster"
    )
    qdrant_replicas: int | None = Field(
        None, ge=1, le=100, description="Copies of each part on different nodes; unset: as the server has it, one"
    )
    qdrant_write_consistency: int | None = Field(
        None, ge=1, le=100, description="Copies that must have taken a write; unset: as the server has it, one"
    )
    qdrant_size: Literal["small", "large"] = Field(
        "small",
        description="`large`, for a million chunks and more: 8 bits of each dense vector in memory, the vectors "
        "themselves and their graph on disk; decided when the collections are created, as are the two below",
    )
    qdrant_quantization: Literal["none", "scalar", "binary"] | None = Field(
        None, description="What is kept in memory of dense vectors; unset: `none` where it is small, else `scalar`"
    )
    qdrant_options: JsonObject | None = Field(
        None,
        description="Other parameters of the chunks' collection, a JSON object of Qdrant's `hnsw_config` and "
        '`optimizers_config`: `{"hnsw_config": {"m": 32}}`',
    )

    database_url: SecretStr | None = Field(
        None,
        description="Database that all replicas share for ratings, jobs and answers to be rated, such as "
        "`postgresql+pg8000://USER:PASSWORD@HOST/DATABASE`; unset: DALIL_DATA_DIR and memory. Needs "
        "`pip install 'dalil[replicas]'`",
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Redis or Valkey in which all replicas count each caller's requests, such as `redis://HOST:6379`; "
        "unset: each counts its own. Needs `pip install 'dalil[replicas]'`",
    )

    embedding_base_url: Url | None = Field(None, description="An OpenAI-compatible endpoint for the chunks' vectors")
    embedding_model: str | None = Field(None, description="Model to ask that endpoint for")
    embedding_api_key: SecretStr | None = Field(None, description="Key of that endpoint")
    embedding_query_prefix: str = Field(
        "", description="Put before each question, as the model was trained; `query: ` for the e5 family"
    )
    embedding_passage_prefix: str = Field(
        "", description="Put before each passage, as the model was trained; `passage: ` for the e5 family"
    )

    rerank_base_url: Url | None = Field(None, description="An endpoint whose `/rerank` puts the passages in order")
    rerank_model: str | None = Field(
        None, description="Model to ask that endpoint for; Text Embeddings Inference takes none"
    )
    rerank_api_key: SecretStr | None = Field(None, description="Key of that endpoint")

    llm_base_url: Url | None = Field(None, description="An OpenAI-compatible endpoint that writes the answers")
    llm_model: str | None = Field(None, description="Model to ask that endpoint for")
    llm_api_key: SecretStr | None = Field(
        None, description="Key of that endpoint; OPENAI_API_KEY alone means OpenAI itself, and goes nowhere else"
    )
    llm_api_version: str | None = Field(
        None, description="Of an Azure endpoint, sent as `api-version`; its key is then sent as `api-key`"
    )
    llm_extra_headers: SecretStr | None = Field(
        None, description='Headers of each request to it, a JSON object: `{"X-Team": "archive"}`'
    )
    llm_extra_query: JsonObject | None = Field(
        None, description='What stands in the query of each request, a JSON object: `{"tier": "flex"}`'
    )
    llm_extra_body: JsonObject | None = Field(
        None, description='More fields of each request, a JSON object: `{"top_p": 0.9}`; null leaves one of ours out'
    )
    llm_gguf: Path | None = Field(
        None, description="A model's GGUF file, run in this process; needs `pip install 'dalil[local]'`"
    )
    llm_threads: int = Field(0, ge=0, le=256, description="Threads of that model; 0: as llama.cpp has it")
    llm_temperature: float = Field(0, ge=0, le=2, description="Temperature; not sent where the endpoint refuses it")
    llm_seed: int | None = Field(None, ge=0, le=2_147_483_647, description="Seed, for answers that can be had again")
    llm_max_tokens: int = Field(
        700, ge=50, le=100_000, description="Longest answer, in the model's tokens; its thoughts count as well"
    )
    llm_reasoning_effort: str | None = Field(
        None, pattern=r"^[a-z]{1,20}$", description="How much a reasoning model thinks, such as `none`, `low`, `high`"
    )
    llm_first_token_s: float = Field(
        180, ge=1, le=3600, description="Seconds to wait for a model's first token, till when it reads the passages"
    )
    llm_next_token_s: float = Field(60, ge=1, le=3600, description="Seconds to wait for each token after the first")
    llm_timeout_s: float = Field(
        300, ge=1, le=3600, description="Seconds to wait for an answer in all before the extractive one is given"
    )
    llm_context_tokens: int = Field(
        4096, ge=1500, le=1_000_000, description="What a prompt and its answer may take, in the model's tokens"
    )

    chunk_tokens: int = Field(256, ge=64, le=400, description="Largest chunk, in tokens of o200k_base")
    top_k: int = Field(8, ge=1, le=50, description="Chunks retrieved for a question")
    refuse_below: float | None = Field(
        None, ge=0, le=1, description="Refuse below this probability; unset: as calibrated"
    )
    api_keys: SecretStr | None = Field(
        None, description="Keys, parted by commas, one of which each request must carry; unset: none is needed"
    )
    keep_conversations: bool = Field(
        False,
        description="Keep the page's conversations on the server, in the folder of the index, for each key apart, in "
        "place of in the browser; needs DALIL_API_KEYS",
    )
    keys_file: Path | None = Field(
        None,
        description="JSON file of more keys, each with a name, what it may do (`read`, `write`, `admin`) and in which "
        "collections; `dalil key` writes it",
    )
    oidc_issuer: Url | None = Field(
        None,
        description="Provider of OpenID Connect at which readers of the page sign in, such as "
        "`https://login.example.org/realms/press`; https, but on this machine itself. Needs "
        "`pip install 'dalil[oidc]'`",
    )
    oidc_client_id: str | None = Field(None, description="By which that provider knows this service")
    oidc_client_secret: SecretStr | None = Field(
        None, description="The client's secret there; it also signs sessions, so that another one ends all of them"
    )
    oidc_groups: JsonObject | None = Field(
        None,
        description="Who may come in, a JSON object of groups, each with a role or with a role and collections; `*` is "
        'whoever can sign in: `{"editors": "write", "law": {"role": "read", "collections": ["law"]}}`',
    )
    oidc_groups_claim: str = Field(
        "groups", min_length=1, description="Claim that holds the groups, or its path, such as `realm_access.roles`"
    )
    oidc_scopes: str = Field(
        "openid profile email",
        pattern=r"^(?:\S+ )*openid(?: \S+)*$",
        description="Scopes that are asked for, `openid` among them; some providers tell groups for `groups` alone",
    )
    oidc_session_hours: float = Field(
        8, ge=0.02, le=168, description="Hours after which a reader signs in again, and groups are read anew"
    )
    audit_file: Path | None = Field(
        None,
        description="File to which a line of JSON is added for what each key adds, changes or removes over HTTP and "
        "on the page; unset: none",
    )
    collections: str = Field(
        "",
        description="Names, parted by commas, of more knowledge bases, each with an index of its own and its API "
        "beneath `/v1/collections/NAME/`",
    )
    open_access: bool = Field(False, description="Listen on other addresses than this machine's own without keys")
    max_concurrent: int | None = Field(
        None, ge=1, le=10_000, description="Questions answered at once, more are sent away; unset: 5, with a model 32"
    )
    allowed_hosts: str = Field(
        "",
        description="Names, parted by commas, by which others reach the service, such as `dalil.example.org`, "
        "`*.example.org` or `*`; addresses, this machine's own name and those of loopback are known",
    )
    allowed_origins: str = Field(
        "",
        description="Other sites, parted by commas, whose pages may use the API and show the chat within, such as `https://app.example.org`",
    )
    accepted_models: str = Field(
        "",
        description="Other names, parted by commas, that OpenAI's clients may ask for in place of `dalil`, such as "
        "`gpt-4o-mini`, `gpt-*` or `*`",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks, parted by commas, of proxies whose `X-Forwarded-For`, `X-Forwarded-Proto` "
        "and `X-Forwarded-Prefix` count",
    )
    root_path: str = Field(
        "",
        pattern=r"^(?:/[A-Za-z0-9_~][A-Za-z0-9._~-]*)*/?$",
        description="Path beneath which a proxy shows the service, such as `/dalil`, whether it takes it off or not; "
        "empty: as a trusted proxy tells",
    )
    requests_per_minute: int = Field(0, ge=0, le=1_000_000, description="Of each caller; 0: no limit")
    max_body_bytes: int = Field(8_000_000, ge=10_000, le=1_000_000_000, description="Largest body of a request")
    max_question_chars: int = Field(2000, ge=50, le=20000, description="Longest question")
    max_article_chars: int = Field(2_000_000, ge=1000, le=20_000_000, description="Longest article")
    web_private_hosts: str = Field(
        "",
        description="Hosts, parted by commas, that `dalil ingest ADDRESS` reads, and a webhook is sent to, although "
        "their addresses are private, such as `wiki.example.org` or `127.0.0.1`",
    )
    webhook_url: Url | None = Field(None, description="An address that is told of each upload that ends as a job")
    webhook_secret: SecretStr | None = Field(
        None, description="Signs what it is told, as Standard Webhooks has it: any text, or base64 behind `whsec_`"
    )
    keep_originals: bool = Field(
        True,
        description="Keep PDF files, pictures and uploads of one article that are taken in, in the folder of the "
        "index: to show their pages, to be downloaded and to be read again",
    )
    pdf_password: SecretStr | None = Field(None, description="Password of the PDF files that are encrypted")
    ocr: OcrMode = Field(
        "ask",
        description="Whether scans and pictures are read by OCR: `ask`, where it is asked for (`dalil ingest --ocr`, "
        "`ocr=true` over HTTP, the box on the page); `auto`, always; `off`, never",
    )
    tesseract: str = Field("tesseract", min_length=1, description="Tesseract, which reads them: a name or a path")
    soffice: str = Field(
        "soffice",
        min_length=1,
        description="LibreOffice, which makes .docx of Word documents of before 2007: a name or a path; a name that is "
        "nowhere, such as `off`: these are not read",
    )
    encoder_device: Literal["cpu", "cuda"] = Field(
        "cpu",
        description="What computes the bundled encoder: `cuda` needs an NVIDIA GPU, and `onnxruntime-gpu` in place of "
        "`onnxruntime`",
    )
    threads: int = Field(
        0,
        ge=0,
        le=256,
        description="Threads of the bundled model; 0: all cores, and one for each question when serving",
    )

    @model_validator(mode="after")
    def _check_combinations(self) -> "Settings":
        for name in ("embedding", "llm"):
            url = getattr(self, f"{name}_base_url")
            if url and not getattr(self, f"{name}_model") and not (name == "llm" and is_openai(url)):
                raise ValueError(f"{_variable(f'{name}_base_url')} needs {_variable(f'{name}_model')} beside it")
        if self.webhook_url and not self.webhook_secret:
            raise ValueError(f"{_variable('webhook_url')} needs {_variable('webhook_secret')} beside it")
        if self.llm_gguf and self.llm_base_url:
            raise ValueError("DALIL_LLM_GGUF and DALIL_LLM_BASE_URL name two models: set one of them")
        if not all(isinstance(value, str) for value in _read_headers(self.llm_extra_headers).values()):
            raise ValueError(f"{_variable('llm_extra_headers')}: each header is a text")
        self._check_oidc()
        if self.keep_conversations and not self.is_locked:
            raise ValueError("DALIL_KEEP_CONVERSATIONS needs DALIL_API_KEYS: conversations are kept for a key")
        for name in self.collection_names:
            if not COLLECTION_PATTERN.fullmatch(name) or name == DEFAULT_COLLECTION:
                raise ValueError(
                    f"{_variable('collections')}: {name!r} is no name: small Latin letters, digits and hyphens, not "
                    f"{DEFAULT_COLLECTION!r}"
                )
        if self.host not in _LOOPBACK_HOSTS and not self.is_locked and not self.open_access:
            raise ValueError(
                f"DALIL_HOST={self.host} lets other machines in: set DALIL_API_KEYS, or DALIL_OPEN_ACCESS=true "
                "where nobody needs a key"
            )
        return self

    def _check_oidc(self) -> None:
        needed = ("oidc_client_id", "oidc_client_secret", "oidc_groups")
        if self.oidc_issuer is None:
            return
        for name in needed:
            if not getattr(self, name):
                raise ValueError(f"{_variable('oidc_issuer')} needs {_variable(name)} beside it")
        issuer = urlsplit(self.oidc_issuer)
        if issuer.scheme != "https" and issuer.hostname not in _LOOPBACK_HOSTS:
            raise ValueError(f"{_variable('oidc_issuer')}: https is wanted, else anybody between may sign in as anyone")

    @property
    def is_locked(self) -> bool:
        """Whether nobody is let in without a key or signing in."""
        return bool(self.accepted_keys or self.keys_file or self.oidc_issuer)

    @property
    def collection_names(self) -> tuple[str, ...]:
        """The knowledge bases beside the default one."""
        return tuple(dict.fromkeys(_split_list(self.collections)))

    def in_collection(self, name: str) -> "Settings":
        """The same settings for one of the knowledge bases.

        Raises
        ------
        SettingsError
            When there is none of that name.
        """
        if name == DEFAULT_COLLECTION:
            return self
        if name not in self.collection_names:
            raise SettingsError(
                f"There is no collection {name!r}: {_variable('collections')} names "
                f"{', '.join(self.collection_names) or 'none'}."
            )
        folder = self.data_dir / _COLLECTIONS_FOLDER / name
        return self.model_copy(
            update={"data_dir": folder, "qdrant_prefix": f"{self.qdrant_prefix}_{name}", "collections": ""}
        )

    @property
    def feedback_file(self) -> Path:
        """Where readers' ratings are kept."""
        return self.data_dir / "feedback.jsonl"

    @property
    def conversations_file(self) -> Path:
        """Where readers' conversations are kept, where the server keeps them."""
        return self.data_dir / "conversations.sqlite"

    @property
    def originals_folder(self) -> Path:
        """Where the files are kept that articles were read from."""
        return self.data_dir / "originals"

    @property
    def concurrent_answers(self) -> int:
        """Questions answered at once. Without a model each takes a core, so more would only make all of them wait."""
        default = _CONCURRENT_ANSWERS_WITH_LLM if self.llm_name and not self.llm_gguf else _CONCURRENT_ANSWERS
        return self.max_concurrent or default

    @property
    def accepted_keys(self) -> tuple[str, ...]:
        """The keys that let a request in; none: everybody may."""
        return _split_list(self.api_keys.get_secret_value() if self.api_keys else "")

    @property
    def host_patterns(self) -> tuple[str, ...]:
        """Names by which the service is reached, lower-case, `*` for any part."""
        return _split_list(self.allowed_hosts.lower())

    @property
    def model_patterns(self) -> tuple[str, ...]:
        """Names of models that are taken for Dalil, `*` for any part."""
        return _split_list(self.accepted_models)

    @property
    def web_hosts_let_through(self) -> tuple[str, ...]:
        """Hosts whose private addresses may be connected to, lower-case."""
        return _split_list(self.web_private_hosts.lower())

    @property
    def origins(self) -> tuple[str, ...]:
        """Other sites whose pages may use the API, each as a browser's `Origin` has it."""
        return tuple(origin.rstrip("/") for origin in _split_list(self.allowed_origins.lower()))

    @property
    def proxies(self) -> tuple[str, ...]:
        """Addresses or networks of proxies."""
        return _split_list(self.trusted_proxies)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every key that is set, each by itself, and the passwords of addresses."""
        values = [value for _, value in self if isinstance(value, SecretStr)]
        joined = (self.api_keys, self.llm_extra_headers)
        alone = (value.get_secret_value() for value in values if value not in joined)
        urls = (value.get_secret_value() for value in (self.database_url, self.redis_url) if value)
        passwords = filter(None, map(_read_password, urls))
        return (*alone, *passwords, *self.accepted_keys, *self.llm_request_headers.values())

    @property
    def llm_request_headers(self) -> dict[str, str]:
        """What each request to the model's endpoint carries: its key, and what else is set."""
        headers = {}
        if self.llm_api_key:
            key = self.llm_api_key.get_secret_value()
            headers = {"api-key": key} if self.llm_api_version else {"Authorization": f"Bearer {key}"}
        return headers | _read_headers(self.llm_extra_headers)

    @property
    def llm_answer_tokens(self) -> int:
        """Room left for the answer in the model's context: half of it at most."""
        return min(self.llm_max_tokens, self.llm_context_tokens // 2)

    @property
    def llm_name(self) -> str | None:
        """The language model that writes answers; None: answers are extractive."""
        if self.llm_gguf:
            return self.llm_model or self.llm_gguf.stem
        if self.llm_base_url or self.llm_api_key:
            return self.llm_model or _OPENAI_MODEL
        return None


def is_openai(url: str) -> bool:
    """Whether an address is one of OpenAI itself."""
    host = urlsplit(url).hostname or ""
    return host == _OPENAI_DOMAIN or host.endswith(f".{_OPENAI_DOMAIN}")


def _read_password(url: str) -> str | None:
    """The password within an address, as it is meant."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return None
    return unquote(password) if password else None


def _read_headers(headers: SecretStr | None) -> dict[str, str]:
    """Headers that are set as a JSON object; the message of an error does not show them."""
    try:
        parsed = _parse_object(headers.get_secret_value()) if headers else {}
    except ValueError as error:
        raise ValueError(f"{_variable('llm_extra_headers')}: {error}") from None
    return dict(parsed) if isinstance(parsed, dict) else {}


def _split_list(text: str) -> tuple[str, ...]:
    """The parts of a list parted by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def load_settings(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings from environment variables.

    Parameters
    ----------
    environment : mapping of str to str, optional
        The variables; unset: those of this process. An empty one counts as unset.
    **overrides
        Values by the names of the fields of `Settings`, which come before the variables.

    Raises
    ------
    SettingsError
        For a variable that is unknown, malformed or out of range; its message names the variable and what is allowed.
    """
    variables = os.environ if environment is None else environment
    known = {_variable(name): name for name in Settings.model_fields}
    for variable in variables:
        if variable.startswith(_PREFIX) and not variable.startswith(_TEST_PREFIX) and variable not in known:
            similar = difflib.get_close_matches(variable, known, 1)
            raise SettingsError(f"Unknown setting {variable}." + (f" Did you mean {similar[0]}?" if similar else ""))
    values: dict[str, Any] = {name: variables[variable] for variable, name in known.items() if variables.get(variable)}
    values = _openai_values(variables, values | overrides) | values | overrides
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError("; ".join(_describe_problem(dict(problem)) for problem in error.errors())) from None


def _openai_values(variables: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """What the variables of OpenAI's own clients set. Its key is for OpenAI alone; an address without a key or a model
    is some other program's."""
    key, url = variables.get(_OPENAI_KEY), variables.get(_OPENAI_BASE_URL)
    found = {"llm_base_url": url} if url and (key or values.get("llm_model")) else {}
    address = values.get("llm_base_url") or found.get("llm_base_url")
    if key and (address is None or is_openai(address)):
        found["llm_api_key"] = key
    return found


def _variable(name: str) -> str:
    """The environment variable of a field."""
    return _PREFIX + name.upper()


def _describe_problem(problem: dict[str, Any]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    return f"{_variable(str(problem['loc'][0]))}: {message} (it is {problem['input']!r})"
