"""A running service, as the command line calls it."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx

from rag.errors import StoreError

_TIMEOUT_S = 300.0
_RETRY_S = 1.0
_POLL_S = 0.5
_OK, _TOO_MANY, _NOT_LET_IN = 200, 429, (401, 403)


class ServiceClient:
    """Calls a service, and waits where it says that there are too many calls. Closed when its `with` ends.

    Parameters
    ----------
    url : str
        Of the service.
    key : str or None
        That lets a request in.
    """

    def __init__(self, url: str, key: str | None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._url, self._client = url, httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def upload(self, path: str, content: bytes, media_type: str, **parameters: str) -> dict[str, Any]:
        """Send articles, and wait until they are taken in.

        Returns
        -------
        dict
            What became of them, or an error in the shape of the API's.

        Raises
        ------
        StoreError
            When the service cannot be reached or lets nobody in.
        """
        headers = {"Content-Type": media_type}
        with self._mapped_errors("What was sent before is kept."):
            body = self._call("POST", path, params=parameters, content=content, headers=headers)
            while body.get("status") == "running":
                time.sleep(_POLL_S)
                body = self._call("GET", f"/v1/jobs/{body['id']}")
        return body

    def check(self) -> None:
        """See that a service is there and lets us in; raises StoreError where it is not or does not."""
        with self._mapped_errors("Is it running?"):
            body = self._call("GET", "/v1/articles", params={"limit": "1"})
        if "error" in body:
            raise StoreError(message_of(body))

    def read_lines(self, path: str, outcome: str) -> Iterator[bytes]:
        """The lines of an answer, as they come.

        Parameters
        ----------
        path : str
            Of what is asked for.
        outcome : str
            What errors say has become of the lines that came.

        Raises
        ------
        StoreError
            When the service cannot be reached, lets nobody in, or stops in the middle.
        """
        with self._mapped_errors(outcome), self._client.stream("GET", path) as response:
            if response.status_code != _OK:
                response.read()
                raise StoreError(message_of(_read_json(response)))
            yield from _split_lines(response.iter_bytes())

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        response = self._client.request(method, path, **options)
        while response.status_code == _TOO_MANY:
            after = response.headers.get("Retry-After", "")
            time.sleep(float(after) if after.isdigit() else _RETRY_S)  # a proxy may give a date
            response = self._client.request(method, path, **options)
        return _read_json(response)

    @contextmanager
    def _mapped_errors(self, hint: str) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise StoreError(f"The service at {self._url} does not answer: {error}. {hint}") from error


def message_of(body: dict[str, Any]) -> str:
    """What a failed request or job says."""
    return str(body.get("message") or body["error"]["message"])


def _read_json(response: httpx.Response) -> dict[str, Any]:
    """The object of an answer; raises StoreError where there is none, or nobody is let in."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise StoreError(f"What answers at {response.url} is no Dalil: it says {response.status_code} and no JSON.")
    if response.status_code in _NOT_LET_IN:
        raise StoreError(f"The service does not let us in: {message_of(body)} Set DALIL_API_KEYS to its key.")
    return body


def _split_lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their ends. httpx would also part them where an article has a Unicode line separator."""
    waiting: list[bytes] = []
    for part in parts:
        first, *others = part.split(b"\n")
        waiting.append(first)
        for other in others:
            yield b"".join(waiting) + b"\n"
            waiting = [other]
    if any(waiting):
        yield b"".join(waiting)
