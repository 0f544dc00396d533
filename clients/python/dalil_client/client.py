"""The two clients: `Client` waits, `AsyncClient` is awaited."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from dalil_client import calls
from dalil_client.calls import Call, to_error
from dalil_client.events import Event, EventParser
from dalil_client.models import Job

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_TIMEOUT = httpx.Timeout(10.0, read=330.0)
"""Seconds: an answer may wait 300 for a model, as the service has it by default (`DALIL_LLM_TIMEOUT_S`)."""
_POLL_S = 0.5
_BUSY = (429, 503)
_STREAM_DOC = "Answer a question in events, the last one `Final`; raises ApiError. To leave the loop ends the work."


def _method(
    build: Callable[Arguments, Call[Result]],
) -> Callable[Concatenate["Client", Arguments], Result]:
    @wraps(build)
    def send(client: "Client", /, *given: Arguments.args, **named: Arguments.kwargs) -> Result:
        return client.send(build(*given, **named))

    return send


def _async_method(
    build: Callable[Arguments, Call[Result]],
) -> Callable[Concatenate["AsyncClient", Arguments], Awaitable[Result]]:
    @wraps(build)
    async def send(client: "AsyncClient", /, *given: Arguments.args, **named: Arguments.kwargs) -> Result:
        return await client.send(build(*given, **named))

    return send


def _stream_method(
    build: Callable[Arguments, Call[Any]],
) -> Callable[Concatenate["Client", Arguments], Iterator[Event]]:
    @wraps(build)
    def stream(client: "Client", /, *given: Arguments.args, **named: Arguments.kwargs) -> Iterator[Event]:
        return client.read_events(build(*given, **named))

    stream.__doc__ = _STREAM_DOC
    return stream


def _async_stream_method(
    build: Callable[Arguments, Call[Any]],
) -> Callable[Concatenate["AsyncClient", Arguments], AsyncIterator[Event]]:
    @wraps(build)
    def stream(client: "AsyncClient", /, *given: Arguments.args, **named: Arguments.kwargs) -> AsyncIterator[Event]:
        return client.read_events(build(*given, **named))

    stream.__doc__ = _STREAM_DOC
    return stream


def _options(url: str, key: str | None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return {"base_url": url.rstrip("/"), "headers": headers, "timeout": _TIMEOUT}


def _wait_of(response: httpx.Response) -> float | None:
    """Seconds after which to ask again; None where that is of no use."""
    return to_error(response).retry_after if response.status_code in _BUSY else None


class Client:
    """Calls a service. Closed when its `with` ends; errors of the network are httpx's own.

    Parameters
    ----------
    url : str
        Of the service, with the path beneath which a proxy shows it.
    key : str or None
        One of `DALIL_API_KEYS`, where these are set.
    retries : int
        How often to ask again where the service is busy and says when (`Retry-After`).
    http : httpx.Client, optional
        To be used in place of one of its own, with proxies or certificates; `url` and `key` are then its own.
    """

    def __init__(
        self, url: str = "", key: str | None = None, retries: int = 3, http: httpx.Client | None = None
    ) -> None:
        self._http, self._retries = http or httpx.Client(**_options(url, key)), retries

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def send(self, call: Call[Result]) -> Result:
        """The result of a call; raises ApiError."""
        response = self._http.request(call.method, call.path, **call.options)
        for _ in range(self._retries):
            wait = None if response.status_code in call.allowed else _wait_of(response)
            if wait is None:
                break
            time.sleep(wait)
            response = self._http.request(call.method, call.path, **call.options)
        return call.finish(response)

    ask = _method(calls.ask)
    stream = _stream_method(calls.ask)
    search = _method(calls.search)
    rate = _method(calls.rate)
    list_articles = _method(calls.list_articles)
    read_article = _method(calls.read_article)
    read_text = _method(calls.read_text)
    remove_article = _method(calls.remove_article)
    add_articles = _method(calls.add_articles)
    read_job = _method(calls.read_job)
    check_ready = _method(calls.check_ready)

    def read_events(self, call: Call[Any]) -> Iterator[Event]:
        """The events of a question's answer, as they come; raises ApiError."""
        parser = EventParser()
        with self._http.stream(call.method, call.path, **call.as_stream()) as response:
            if response.is_error:
                response.read()
                raise to_error(response)
            for part in response.iter_text():
                yield from parser.take(part)

    def wait_for_job(self, job_id: str) -> Job:
        """The job when it has ended, done or failed."""
        while (job := self.read_job(job_id)).status == "running":
            time.sleep(_POLL_S)
        return job


class AsyncClient:
    """As `Client`, to be awaited; closed when its `async with` ends.

    Parameters
    ----------
    url, key, retries
        As those of `Client`.
    http : httpx.AsyncClient, optional
        To be used in place of one of its own.
    """

    def __init__(
        self, url: str = "", key: str | None = None, retries: int = 3, http: httpx.AsyncClient | None = None
    ) -> None:
        self._http, self._retries = http or httpx.AsyncClient(**_options(url, key)), retries

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def send(self, call: Call[Result]) -> Result:
        """The result of a call; raises ApiError."""
        response = await self._http.request(call.method, call.path, **call.options)
        for _ in range(self._retries):
            wait = None if response.status_code in call.allowed else _wait_of(response)
            if wait is None:
                break
            await asyncio.sleep(wait)
            response = await self._http.request(call.method, call.path, **call.options)
        return call.finish(response)

    ask = _async_method(calls.ask)
    stream = _async_stream_method(calls.ask)
    search = _async_method(calls.search)
    rate = _async_method(calls.rate)
    list_articles = _async_method(calls.list_articles)
    read_article = _async_method(calls.read_article)
    read_text = _async_method(calls.read_text)
    remove_article = _async_method(calls.remove_article)
    add_articles = _async_method(calls.add_articles)
    read_job = _async_method(calls.read_job)
    check_ready = _async_method(calls.check_ready)

    async def read_events(self, call: Call[Any]) -> AsyncIterator[Event]:
        """As `Client.read_events`."""
        parser = EventParser()
        async with self._http.stream(call.method, call.path, **call.as_stream()) as response:
            if response.is_error:
                await response.aread()
                raise to_error(response)
            async for part in response.aiter_text():
                for event in parser.take(part):
                    yield event

    async def wait_for_job(self, job_id: str) -> Job:
        """The job when it has ended, done or failed."""
        while (job := await self.read_job(job_id)).status == "running":
            await asyncio.sleep(_POLL_S)
        return job
