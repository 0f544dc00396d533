"""Connections to public addresses alone, each ended at its time."""

import ipaddress
import socket
import time
from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

import httpcore

from rag.errors import ReadError

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the Internet: not private, loopback, link-local, multicast or reserved, nor one
    of IPv6 that leads to such a one of IPv4."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or (ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else None)
        if inner is not None:
            return is_public(str(inner))
        return found in _GLOBAL_UNICAST and found.is_global and found.sixtofour is None
    return found.is_global and not found.is_multicast


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to the very address that it has checked, so that a name which leads elsewhere at a second look-up
    changes nothing.

    Parameters
    ----------
    let_through : collection of str
        Names of hosts that may have any address, lower case.
    seconds : float
        After which everything on its connections fails, however slowly the other side goes on.
    """

    def __init__(self, let_through: Iterable[str], seconds: float) -> None:
        self._let_through = frozenset(let_through)
        self._end = time.monotonic() + seconds
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address of a host that answers; raises ReadError when one of them is not public."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise ReadError(f"No host of the name {host} is found.") from None
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if host.lower() not in self._let_through and not all(map(is_public, addresses)):
            raise ReadError(
                f"{host} is an address of this machine or a private network, which is not read. Where it is meant to "
                f"be, name it in DALIL_WEB_PRIVATE_HOSTS."
            )
        for address in addresses[:-1]:
            try:
                return self._connect(address, port)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(addresses[-1], port)

    def _connect(self, address: str, port: int) -> httpcore.NetworkStream:
        left = seconds_left(self._end, httpcore.ConnectTimeout)
        return _TimedStream(self._inner.connect_tcp(address, port, left), self._end)


class _TimedStream(httpcore.NetworkStream):
    """A connection of which all reading and writing together ends at a time."""

    def __init__(self, inner: httpcore.NetworkStream, end: float) -> None:
        self._inner, self._end = inner, end

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, seconds_left(self._end, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, seconds_left(self._end, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = seconds_left(self._end, httpcore.ConnectTimeout)
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, left), self._end)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def seconds_left(end: float, error: type[Exception]) -> float:
    """Seconds until `end`; raises `error` when there are none."""
    left = end - time.monotonic()
    if left <= 0:
        raise error
    return left
