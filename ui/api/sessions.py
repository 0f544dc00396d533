"""Who has signed in: a signed cookie that ends by itself, and sooner where its reader signs out."""

import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from rag.errors import SettingsError
from rag.records import Records
from rag.settings import DEFAULT_COLLECTION, Settings
from ui.api.grants import Permission, highest_role
from ui.roles import Role

SESSION_COOKIE = "dalil_session"
ANY_GROUP = "*"
"""Stands for everybody who can sign in."""
_Purpose = Literal["session", "sign-in"]
_KEY_MESSAGE, _OWNER_MESSAGE = b"dalil cookies", b"dalil conversations"
_ALGORITHM = "HS256"
_ID_BYTES = 16
_SECONDS_PER_HOUR = 3600
_EXPIRED_COOKIE_S = 24 * 3600
"""A browser keeps a cookie so much longer than it counts: its reader is then told that the session has ended."""


class Identity(NamedTuple):
    """Who somebody is, as the provider says.

    Attributes
    ----------
    subject : str
        The provider's own id, which never becomes another's.
    label : str
        By which people know them; may change, and may be empty.
    groups : tuple of str
        Those of `DALIL_OIDC_GROUPS` that they are in.
    """

    subject: str
    label: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """A caller who has signed in.

    Attributes
    ----------
    identity : Identity
        Who it is.
    permissions : tuple of Permission
        Of their groups.
    owner : str
        What is kept of them is kept under this.
    """

    identity: Identity
    permissions: tuple[Permission, ...]
    owner: str

    @property
    def name(self) -> str:
        """By which the audit log calls them: the subject, which alone is theirs for good, and how people know them."""
        subject, label, _ = self.identity
        return f"oidc:{subject} ({label})" if label else f"oidc:{subject}"

    def role_in(self, collection: str) -> Role | None:
        """The most that any of their groups may do in a collection."""
        return highest_role(self.permissions, collection)


class CookieSigner:
    """Signs what a browser keeps, so that it comes back as it was, for what it was made for, and in time.

    Parameters
    ----------
    secret : str
        From which the key is derived; the same in all replicas.
    """

    def __init__(self, secret: str) -> None:
        from joserfc.jwk import OctKey

        self._key = OctKey.import_key(hmac.new(secret.encode(), _KEY_MESSAGE, sha256).digest())

    def sign(self, purpose: _Purpose, values: Mapping[str, Any], lifetime_s: float) -> str:
        """A token that holds `values` for so many seconds; they can be read by whoever has it."""
        from joserfc import jwt

        claims = {**values, "aud": purpose, "exp": int(time.time() + lifetime_s)}
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key)

    def read(self, purpose: _Purpose, token: str) -> dict[str, Any] | None:
        """What a token holds, also one whose time is over; None for one that was not signed here for this purpose."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            claims = dict(jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims)
        except (JoseError, ValueError):
            return None
        is_whole = claims.get("aud") == purpose and isinstance(claims.get("exp"), int)
        return claims if is_whole else None

    def read_fresh(self, purpose: _Purpose, token: str) -> dict[str, Any] | None:
        """The same, but None as well for a token whose time is over."""
        claims = self.read(purpose, token)
        return claims if claims and claims["exp"] > time.time() else None


class Sessions:
    """The sessions of those who signed in.

    Parameters
    ----------
    settings : Settings
        With an issuer and its client.
    records : Records
        Hold which sessions were ended before their time, for all replicas.

    Raises
    ------
    SettingsError
        When the groups are no permissions, or what signs is not installed.
    """

    def __init__(self, settings: Settings, records: Records) -> None:
        secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else ""
        try:
            self.cookies = CookieSigner(secret)
        except ImportError as error:
            raise SettingsError(f"DALIL_OIDC_ISSUER: {error}: pip install 'dalil[oidc]'") from None
        self.permissions, self._records = read_group_permissions(settings), records
        self._issuer, self._lifetime_s = settings.oidc_issuer or "", settings.oidc_session_hours * _SECONDS_PER_HOUR

    @property
    def cookie_s(self) -> int:
        """Seconds that a browser keeps the cookie."""
        return int(self._lifetime_s) + _EXPIRED_COOKIE_S

    def start(self, identity: Identity) -> str:
        """A session's cookie."""
        values = {**identity._asdict(), "jti": secrets.token_urlsafe(_ID_BYTES)}
        return self.cookies.sign("session", values, self._lifetime_s)

    def find(self, cookie: str) -> Person | None:
        """Who has this cookie, with what their groups may do today; None for a session that is over or none of ours.

        Raises
        ------
        StoreError
            When it cannot be found out whether it was ended.
        """
        claims = self.cookies.read_fresh("session", cookie) if cookie else None
        if claims is None or self._records.load("sessions", claims["jti"]):
            return None
        identity = Identity(claims["subject"], claims["label"], tuple(claims["groups"]))
        groups = {*identity.groups, ANY_GROUP}
        permissions = tuple(permission for group, permission in self.permissions.items() if group in groups)
        return Person(identity, permissions, self._find_owner(identity.subject))

    def is_over(self, cookie: str) -> bool:
        """Whether this was a session of ours whose time is over."""
        claims = self.cookies.read("session", cookie) if cookie else None
        return claims is not None and claims["exp"] <= time.time()

    def end(self, cookie: str) -> None:
        """End a session for all replicas, whoever else has its cookie; raises StoreError where that cannot be kept."""
        claims = self.cookies.read("session", cookie) if cookie else None
        if claims is not None:
            self._records.save("sessions", claims["jti"], {"ended_at": int(time.time())})

    def _find_owner(self, subject: str) -> str:
        return hmac.new(_OWNER_MESSAGE, f"{self._issuer}\n{subject}".encode(), sha256).hexdigest()


def open_sessions(settings: Settings, records: Records) -> Sessions | None:
    """The sessions that settings ask for; None where nobody signs in. Raises SettingsError as `Sessions` does."""
    return Sessions(settings, records) if settings.oidc_issuer else None


def read_group_permissions(settings: Settings) -> dict[str, Permission]:
    """What each group may do: its role alone, or an object with the fields of `Permission`.

    Raises
    ------
    SettingsError
        When it says something else, or names a collection that there is not.
    """
    groups = settings.oidc_groups or {}
    objects = {group: {"role": one} if isinstance(one, str) else one for group, one in groups.items()}
    try:
        permissions = TypeAdapter(dict[str, Permission]).validate_python(objects)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise SettingsError(f"DALIL_OIDC_GROUPS: {place}: {problem['msg']}") from None
    known = {DEFAULT_COLLECTION, *settings.collection_names}
    for group, permission in permissions.items():
        if unknown := {*permission.collections} - known:
            raise SettingsError(f"DALIL_OIDC_GROUPS: {group}: DALIL_COLLECTIONS does not name {sorted(unknown)[0]!r}.")
    return permissions
