"""What each caller may do: read, write or administer, in all collections or in some."""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.types import Scope

from rag.errors import SettingsError
from ui.api.request_forms import OPENAI_PATHS
from ui.roles import Role

_RANKS: dict[Role, int] = {"read": 0, "write": 1, "admin": 2}
_READING_POSTS = frozenset(("/v1/ask", "/v1/search", "/mcp", *OPENAI_PATHS))
"""What is sent without changing an article."""
_OWN_PREFIXES = ("/v1/answers/", "/v1/conversations")
"""Ratings and conversations are a reader's own."""
_ADMIN_PATHS = ("/metrics", "/v1/export")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_UPLOAD = "/gradio_api/upload"
_SCOPE_KEY = "dalil.caller"


class Caller(Protocol):
    """Whoever a request comes from: a key, or somebody who signed in."""

    @property
    def name(self) -> str:
        """By which the audit log calls the caller."""

    def role_in(self, collection: str) -> Role | None:
        """What the caller may do in a collection; None: nothing."""


class Permission(BaseModel):
    """What may be done.

    Attributes
    ----------
    role : Role
        Each may do what those before it may.
    collections : tuple of str
        Where; none: everywhere.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role = "read"
    collections: tuple[str, ...] = ()

    def role_in(self, collection: str) -> Role | None:
        """What may be done in a collection; None: nothing."""
        return self.role if not self.collections or collection in self.collections else None


class Grant(Permission):
    """A key, by its digest alone, and what it may do.

    Attributes
    ----------
    name : str
        By which the audit log calls whoever has it.
    sha256 : str
        Of the key, in hexadecimal.
    """

    name: str = Field(pattern=r"^[^\x00-\x1f]{1,100}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @property
    def digest(self) -> bytes:
        """The digest as bytes."""
        return bytes.fromhex(self.sha256)


def is_allowed(caller: Caller, role: Role, collection: str) -> bool:
    """Whether a caller may do what a role may, in a collection."""
    own = caller.role_in(collection)
    return own is not None and _RANKS[own] >= _RANKS[role]


def highest_role(permissions: Iterable[Permission], collection: str) -> Role | None:
    """The most that any of them allows in a collection; None: nothing."""
    roles = [role for one in permissions if (role := one.role_in(collection))]
    return max(roles, key=_RANKS.__getitem__, default=None)


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


def set_caller(scope: Scope, caller: Caller) -> None:
    """Note with a request whom it comes from."""
    scope[_SCOPE_KEY] = caller


def caller_of(scope: Scope) -> Caller | None:
    """Whom a request comes from; None where everybody is let in."""
    caller: Caller | None = scope.get(_SCOPE_KEY)
    return caller
