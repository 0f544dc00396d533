"""Fetches what may be fetched: robots.txt is obeyed, and number, bytes, time and redirects have limits."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urldefrag, urljoin, urlsplit

import httpcore
import httpx
from protego import Protego

from ingest.connections import CheckedBackend
from ingest.fetched import NO_VALIDATORS, Validators
from rag.addresses import has_password, web_address
from rag.errors import ReadError

_AGENT = "Dalil"
USER_AGENT = f"{_AGENT}/{version('dalil')}"
_MAX_REDIRECTS = 5
_MAX_ROBOTS_BYTES = 500_000
"""That a reader must take at least (RFC 9309)."""
_MAX_CRAWL_DELAY_S = 30.0
"""A host that asks for longer pauses gets this one."""
_OK, _NOT_MODIFIED, _REDIRECTS = 200, 304, (301, 302, 303, 307, 308)
_CLIENT_ERRORS = range(400, 500)
_HEADERS = (
    (b"User-Agent", USER_AGENT.encode()),
    (b"Accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.5"),
    (b"Accept-Encoding", b"identity"),  # nothing unpacks to more than was sent
)


class Fetched(NamedTuple):
    """What an address gave.

    Attributes
    ----------
    address : str
        Where the redirects ended.
    media_type : str
        As the server calls it; may be empty.
    content : bytes
        As it was sent; empty where it is unchanged.
    validators : Validators
        Of this version.
    is_unchanged : bool
        Whether it is the version that is known.
    """

    address: str
    media_type: str
    content: bytes
    validators: Validators = NO_VALIDATORS
    is_unchanged: bool = False


class Limits(NamedTuple):
    """Of what is fetched.

    Attributes
    ----------
    addresses : int
        In all.
    max_bytes : int
        Of a page or document.
    seconds : float
        That one may take to come.
    pause_s : float
        Between two requests to a host, whose robots.txt may ask for more.
    """

    addresses: int = 500
    max_bytes: int = 20_000_000
    seconds: float = 30.0
    pause_s: float = 1.0


class _Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    content: bytes


@dataclass(slots=True)
class _Robots:
    """What a host says of being read; `refusal` where it could not be asked."""

    rules: Protego | None = None
    refusal: str = ""


class WebClient:
    """Fetches one address after the other.

    Parameters
    ----------
    let_through : collection of str
        Hosts that may have any address, lower case.
    limits : Limits
        Of each address.
    known : mapping of str to Validators
        Of the pages that need not come again as they are, by address.
    """

    def __init__(
        self, let_through: Collection[str], limits: Limits, known: Mapping[str, Validators] = MappingProxyType({})
    ) -> None:
        self._let_through, self._limits, self._known = let_through, limits, known
        self._robots: dict[str, _Robots] = {}
        self._last: dict[str, float] = {}
        self._ssl = httpx.create_ssl_context()

    def fetch(self, address: str) -> Fetched:
        """What stands at an address of http or https; raises ReadError, which says why it cannot be had."""
        for _ in range(_MAX_REDIRECTS + 1):
            if has_password(address):  # none is sent
                raise ReadError("An address is kept with its article, so it may hold no password.")
            self._check_robots(address)
            known = self._known.get(address, NO_VALIDATORS)
            reply = self._get(address, self._limits.max_bytes, known)
            if reply.status == _OK:
                version = Validators(reply.headers.get("etag", ""), reply.headers.get("last-modified", ""))
                return Fetched(address, reply.headers.get("content-type", ""), reply.content, version)
            if reply.status == _NOT_MODIFIED and any(known):
                return Fetched(address, "", b"", known, is_unchanged=True)
            if reply.status not in _REDIRECTS:
                raise ReadError(f"The server answers with {reply.status}.")
            address = _follow(address, reply)
        raise ReadError(f"It redirects more than {_MAX_REDIRECTS} times.")

    def _check_robots(self, address: str) -> None:
        origin = _origin(address)
        if origin not in self._robots:
            self._robots[origin] = self._read_robots(origin)
        robots = self._robots[origin]
        if robots.refusal:
            raise ReadError(robots.refusal)
        if robots.rules is not None and not robots.rules.can_fetch(address, _AGENT):
            raise ReadError("Its site asks not to be read there (robots.txt).")

    def _read_robots(self, origin: str) -> _Robots:
        """The rules of a host: none where it has no file, a refusal where it cannot say (RFC 9309)."""
        address = urljoin(origin, "/robots.txt")
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                reply = self._get(address, _MAX_ROBOTS_BYTES, cuts=True)
                if reply.status not in _REDIRECTS:
                    break
                address = _follow(address, reply)
        except ReadError as error:
            return _Robots(refusal=str(error))
        if reply.status == _OK:
            return _Robots(Protego.parse(reply.content.decode("utf-8", "replace")))
        if reply.status in _CLIENT_ERRORS:
            return _Robots()
        return _Robots(refusal=f"Its site does not say what may be read: robots.txt gives {reply.status}.")

    def _get(self, address: str, max_bytes: int, known: Validators = NO_VALIDATORS, cuts: bool = False) -> _Reply:
        """One reply; a longer one than `max_bytes` is cut or an error."""
        self._pause(address)
        backend = CheckedBackend(self._let_through, self._limits.seconds)
        try:
            url = httpx.URL(address)  # which writes Arabic hosts and paths in ASCII
            target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
            headers = [(b"Host", url.netloc), *_HEADERS, *known.headers()]
            with (
                httpcore.ConnectionPool(ssl_context=self._ssl, network_backend=backend) as pool,
                pool.stream("GET", target, headers=headers) as response,
            ):
                content = bytearray()
                for part in response.iter_stream():
                    content += part
                    if len(content) > max_bytes:
                        if cuts:
                            break
                        raise ReadError(f"It is larger than {max_bytes / 1e6:.0f} MB, the most that is fetched.")
                named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                return _Reply(response.status, named, bytes(content[:max_bytes]))
        except httpcore.TimeoutException:
            raise ReadError(f"It is not there after {self._limits.seconds:g} s.") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ReadError(f"It cannot be fetched: {error or type(error).__name__}.") from None

    def _pause(self, address: str) -> None:
        """Wait until the host of an address may be asked again."""
        host = urlsplit(address).hostname or ""
        robots = self._robots.get(_origin(address))
        asked = robots.rules.crawl_delay(_AGENT) if robots is not None and robots.rules is not None else None
        pause = max(self._limits.pause_s, min(asked or 0.0, _MAX_CRAWL_DELAY_S))
        time.sleep(max(0.0, self._last.get(host, 0.0) + pause - time.monotonic()) if host in self._last else 0.0)
        self._last[host] = time.monotonic()


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}/"


def _follow(address: str, reply: _Reply) -> str:
    """Where a redirect leads; raises ReadError where that is nothing of the web."""
    try:
        target = web_address(urldefrag(urljoin(address, reply.headers.get("location", "")))[0])
    except ValueError:
        target = None
    if target is None:
        raise ReadError("It redirects to what is no address of the web.")
    return target
