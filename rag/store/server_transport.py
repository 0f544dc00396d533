"""How requests reach a Qdrant server or the nodes of a cluster: within short limits, and once more where that may help.

Every request that the adapter sends may be sent twice: points are written and removed by their ids.
"""

import time
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit, urlunsplit

import httpx

_Outcome = httpx.Response | httpx.TransportError
_CONNECT_S = 2.0
_WRITE_S = 60.0
"""A write is answered when it is done, which takes as long as the server has to do."""
_ATTEMPTS, _PAUSE_S = 2, 0.2
"""How often one node alone is asked, and how long it is left alone before."""
_LONGEST_PAUSES_S = {True: 60.0, False: 3.0}
"""What a server may ask for by `Retry-After`, in all: of a write, and of a question, for which somebody waits."""
_READING_PATHS = ("/points", "/points/query/batch", "/points/scroll", "/points/count", "/facet")
_DEFAULT_PORTS = {"http": 6333, "https": 443}
"""Qdrant listens on 6333 itself; TLS without a port is mostly that of a proxy before it."""


def split_urls(urls: str) -> list[str]:
    """The addresses of a setting, each with its port."""
    return [_with_port(urlsplit(url.strip().rstrip("/"))) for url in urls.split(",")]


def _with_port(url: SplitResult) -> str:
    place = url.netloc if url.port is not None else f"{url.netloc}:{_DEFAULT_PORTS[url.scheme]}"
    return urlunsplit(url._replace(netloc=place))


class ServerTransport(httpx.BaseTransport):
    """Sends requests to one of several nodes that answer alike: to the one that answered last, else to the next.

    Parameters
    ----------
    urls : sequence of str
        Of the nodes; requests are made for the first.
    ca_file : str or None
        Certificate authority of the nodes, when it is not one that the system knows.
    read_s : float
        Longest wait for an answer to what writes nothing.
    """

    def __init__(self, urls: Sequence[str], ca_file: str | None, read_s: float) -> None:
        self._urls = [httpx.URL(url) for url in urls]
        self._current = 0
        self._read_s = read_s
        # Reading the authorities of the system takes 0.1 s.
        uses_tls = any(url.scheme == "https" for url in self._urls)
        # A client, and no transport of httpx: it goes through the proxies that the environment names.
        self._client = httpx.Client(verify=httpx.create_ssl_context(verify=ca_file or True) if uses_tls else False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        is_write = _is_write(request)
        limits = httpx.Timeout(_WRITE_S if is_write else self._read_s, connect=_CONNECT_S).as_dict()
        waited, failures = 0.0, list[_Outcome]()
        while True:
            node = self._current
            outcome = self._send(request, node, limits)
            pause = _read_pause(outcome)
            if pause is not None and waited + pause <= _LONGEST_PAUSES_S[is_write]:
                waited += pause
                _close([outcome])
            elif isinstance(outcome, httpx.TransportError) or outcome.is_server_error:
                failures.append(outcome)
                if not self._may_help(failures):
                    return _choose(failures)
                self._current = (node + 1) % len(self._urls)
                pause = _PAUSE_S if len(self._urls) == 1 else 0.0
            else:
                _close(failures)
                return outcome
            time.sleep(pause)

    def _send(self, request: httpx.Request, node: int, limits: dict[str, float | None]) -> _Outcome:
        try:
            return self._client.send(self._address(request, node, limits), stream=True)
        except httpx.TransportError as error:
            return error

    def _may_help(self, failures: Sequence[_Outcome]) -> bool:
        """Whether to ask again: each other node, or the only one a second time unless it hangs."""
        if len(self._urls) > 1:
            return len(failures) < len(self._urls)
        return len(failures) < _ATTEMPTS and not isinstance(failures[-1], httpx.ReadTimeout)

    def _address(self, request: httpx.Request, node: int, limits: dict[str, float | None]) -> httpx.Request:
        first, url = self._urls[0], self._urls[node]
        path = url.path.rstrip("/") + request.url.path.removeprefix(first.path.rstrip("/"))
        target = request.url.copy_with(scheme=url.scheme, host=url.host, port=url.port, path=path)
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
        return httpx.Request(
            request.method,
            target,
            headers=headers,
            content=request.read(),
            extensions=request.extensions | {"timeout": limits},
        )

    def close(self) -> None:
        self._client.close()


def _is_write(request: httpx.Request) -> bool:
    return request.method in ("PUT", "DELETE") or (
        not request.url.path.endswith(_READING_PATHS) and request.method != "GET"
    )


def _choose(failures: Sequence[_Outcome]) -> httpx.Response:
    """What tells most of several failures: the last that a server speaks of, else the last error is raised."""
    answers = [one for one in failures if isinstance(one, httpx.Response)]
    _close(answers[:-1])
    if answers:
        return answers[-1]
    [*_, error] = (one for one in failures if isinstance(one, httpx.TransportError))
    raise error


def _close(outcomes: Sequence[_Outcome]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, httpx.Response):
            outcome.close()


def _read_pause(outcome: _Outcome) -> float | None:
    """Seconds that a server that is asked too much wants to be left alone for."""
    after = outcome.headers.get("retry-after", "") if isinstance(outcome, httpx.Response) else ""
    return float(after) if after.isdigit() else None
