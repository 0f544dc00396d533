"""The keys that let a request in, and whoever tries to guess one."""

import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from rag.settings import Settings
from ui.api.grants import Grant, grant_everything, read_grants
from ui.api.limits import FailureLimiter

COOKIE = "dalil_pass"
_SESSION_MESSAGE, _OWNER_MESSAGE = b"dalil page", b"dalil conversations"
_MAX_KNOWN_CALLERS = 10_000
_IPV6_NETWORK_BITS = 64
"""One subscriber has a whole network of addresses."""


class ApiKeys:
    """The keys that let a request in; none: everybody may.

    Parameters
    ----------
    keys : tuple of str
        As the settings have them; each may do everything.
    grants : tuple of Grant
        Keys that may do what they say.
    """

    def __init__(self, keys: tuple[str, ...], grants: tuple[Grant, ...] = ()) -> None:
        self._grants = (*(grant_everything(f"key {number}", key) for number, key in enumerate(keys, 1)), *grants)

    @classmethod
    def from_settings(cls, settings: Settings) -> "ApiKeys":
        """Those that settings name; raises SettingsError for a file of keys that is none."""
        return cls(settings.accepted_keys, read_grants(settings.keys_file) if settings.keys_file else ())

    def __bool__(self) -> bool:
        return bool(self._grants)

    def find(self, key: bytes) -> Grant | None:
        """What `key` may do; None for one that is not known. Its time tells nothing about any of them."""
        return self._find_equal(sha256(key).digest(), [grant.digest for grant in self._grants])

    def find_session(self, token: bytes) -> Grant | None:
        """What the key may do for which `session_token` gave `token`."""
        return self._find_equal(token, [_sign(grant.digest).encode() for grant in self._grants])

    def verify(self, key: bytes) -> bool:
        """Whether `key` is one of them."""
        return self.find(key) is not None

    def _find_equal(self, value: bytes, known: list[bytes]) -> Grant | None:
        same = [hmac.compare_digest(value, one) for one in known]
        return next((grant for grant, is_same in zip(self._grants, same, strict=True) if is_same), None)

    def find_owner(self, key: bytes, session: bytes) -> str:
        """What is kept of somebody is kept under this, which does not tell the key: of a key that is right, else of the
        session of one; empty where neither is."""
        grant = (self.find(key) if key else None) or self.find_session(session)
        return hmac.new(grant.digest, _OWNER_MESSAGE, sha256).hexdigest() if grant else ""

    @staticmethod
    def session_token(key: bytes) -> str:
        """What a browser keeps in place of `key`, which does not tell the key."""
        return _sign(sha256(key).digest())


class KeyCheck(NamedTuple):
    """What became of a key that was tried: whether it is known, seconds to wait before another is looked at, and what
    it may do."""

    is_known: bool
    wait_s: float = 0.0
    grant: Grant | None = None


class KeyGuard:
    """Looks at keys, and makes whoever tries wrong ones wait, by address and by key.

    A key that was right before from the same address is let in even while others of that address wait: one guesser
    behind a shared address does not lock its office out.

    Parameters
    ----------
    keys : ApiKeys
        That are right.
    clock : callable
        Gives seconds.
    """

    def __init__(self, keys: ApiKeys, clock: Callable[[], float] = time.monotonic) -> None:
        self.keys = keys
        self._failures = FailureLimiter(clock)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, key: bytes, address: str) -> KeyCheck:
        """Look at a key, unless whoever tries it has to wait.

        Parameters
        ----------
        key : bytes
            As it was given.
        address : str
            Of who gives it.
        """
        network, digest = _network_of(address), sha256(key).hexdigest()
        if (network, digest) not in self._known and (wait := self._failures.retry_after(network, digest)):
            return KeyCheck(False, wait)
        if grant := self.keys.find(key):
            self._remember(network, digest)
            return KeyCheck(True, grant=grant)
        self._failures.count_failure(network, digest)
        return KeyCheck(False)

    def _remember(self, network: str, digest: str) -> None:
        self._known[network, digest] = None
        if len(self._known) > _MAX_KNOWN_CALLERS:
            self._known.popitem(last=False)


def _network_of(address: str) -> str:
    """What one caller is known by: an address, of the sixth version its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address) or found.ipv4_mapped:
        return address
    return str(ipaddress.IPv6Network((int(found), _IPV6_NETWORK_BITS), strict=False))


def _sign(digest: bytes) -> str:
    return hmac.new(digest, _SESSION_MESSAGE, sha256).hexdigest()
