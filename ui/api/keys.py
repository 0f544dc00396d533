"""The keys that let a request in, and whoever tries to guess one."""

import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

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
        As the settings have them.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._digests = [sha256(key.encode()).digest() for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def verify(self, key: bytes) -> bool:
        """Whether `key` is one of them, in a time that tells nothing about any."""
        return _is_among(sha256(key).digest(), self._digests)

    def verify_session(self, token: bytes) -> bool:
        """Whether `token` is what `session_token` gave for one of them."""
        return _is_among(token, [_sign(digest).encode() for digest in self._digests])

    def find_owner(self, key: bytes, session: bytes) -> str:
        """What is kept of somebody is kept under this, which does not tell the key: of a key that is right, else of the
        session of one; empty where neither is."""
        wanted = sha256(key).digest()
        for digest in self._digests:
            if hmac.compare_digest(digest, wanted) or hmac.compare_digest(_sign(digest).encode(), session):
                return hmac.new(digest, _OWNER_MESSAGE, sha256).hexdigest()
        return ""

    @staticmethod
    def session_token(key: bytes) -> str:
        """What a browser keeps in place of `key`, which does not tell the key."""
        return _sign(sha256(key).digest())


class KeyCheck(NamedTuple):
    """What became of a key that was tried: whether it is known, and seconds to wait before another is looked at."""

    is_known: bool
    wait_s: float = 0.0


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
        if self.keys.verify(key):
            self._remember(network, digest)
            return KeyCheck(True)
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


def _is_among(value: bytes, known: list[bytes]) -> bool:
    return sum(hmac.compare_digest(value, one) for one in known) > 0


def _sign(digest: bytes) -> str:
    return hmac.new(digest, _SESSION_MESSAGE, sha256).hexdigest()
