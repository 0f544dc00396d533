"""What each key may do: read, write or administer, in all collections or in some."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.types import Scope

from rag.errors import SettingsError
from ui.api.request_forms import OPENAI_PATHS

Role = Literal["read", "write", "admin"]
_RANKS: dict[Role, int] = {"read": 0, "write": 1, "admin": 2}
_READING_POSTS = frozenset(("/v1/ask", "/v1/search", "/mcp", *OPENAI_PATHS))
"""What is sent without changing an article."""
_OWN_PREFIXES = ("/v1/answers/", "/v1/conversations")
"""Ratings and conversations are a reader's own."""
_ADMIN_PATHS = ("/metrics", "/v1/export")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_UPLOAD = "/gradio_api/upload"
_SCOPE_KEY = "dalil.grant"


class Grant(BaseModel):
    """A key, by its digest alone, and what it may do.

    Attributes
    ----------
    name : str
        By which the audit log calls whoever has it.
    sha256 : str
        Of the key, in hexadecimal.
    role : Role
        Each may do what those before it may.
    collections : tuple of str
        Where; none: everywhere.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[^\x00-\x1f]{1,100}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    role: Role = "read"
    collections: tuple[str, ...] = ()

    @property
    def digest(self) -> bytes:
        """The digest as bytes."""
        return bytes.fromhex(self.sha256)

    def reaches(self, collection: str) -> bool:
        """Whether it may do anything in a collection."""
        return not self.collections or collection in self.collections

    def allows(self, role: Role, collection: str) -> bool:
        """Whether it may do what a role may, in a collection."""
        return self.reaches(collection) and _RANKS[self.role] >= _RANKS[role]


def grant_everything(name: str, key: str) -> Grant:
    """What a key of DALIL_API_KEYS may do."""
    return Grant(name=name, sha256=sha256(key.encode()).hexdigest(), role="admin")


def read_grants(file: Path) -> tuple[Grant, ...]:
    """The keys of a file: a JSON array of objects with the fields of `Grant`.

    Raises
    ------
    SettingsError
        When it cannot be read, or says something else.
    """
    try:
        grants = TypeAdapter(tuple[Grant, ...]).validate_python(json.loads(file.read_text("utf-8")))
    except OSError as error:
        raise SettingsError(f"DALIL_KEYS_FILE: {file} cannot be read ({error.strerror}).") from None
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise SettingsError(f"DALIL_KEYS_FILE: {file}: {place}: {problem['msg']}") from None
    except ValueError as error:
        raise SettingsError(f"DALIL_KEYS_FILE: {file} is no JSON: {error}") from None
    for names in ([one.name for one in grants], [one.sha256 for one in grants]):
        if len(set(names)) < len(names):
            raise SettingsError(f"DALIL_KEYS_FILE: {file}: two keys have the same name or are the same.")
    return grants


def required_role(method: str, path: str) -> Role:
    """What a request needs; one that is not known to read alone changes something."""
    if path.startswith(_ADMIN_PATHS):
        return "admin"
    if path.endswith(_UPLOAD):
        return "write"
    is_page = not path.startswith("/v1/")
    is_own = path.startswith(_OWN_PREFIXES)
    reads = method in _SAFE_METHODS or path in _READING_POSTS or is_own or is_page
    return "read" if reads else "write"


def set_grant(scope: Scope, grant: Grant) -> None:
    """Note with a request what its key may do."""
    scope[_SCOPE_KEY] = grant


def grant_of(scope: Scope) -> Grant | None:
    """What the key of a request may do; None where no key is needed."""
    grant: Grant | None = scope.get(_SCOPE_KEY)
    return grant
