"""The pace and the size of what is sent to the service."""

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

BODY_TIMEOUT_S = 30.0
"""A body that takes longer to arrive is given up."""


def describe_excess(max_bytes: int) -> str:
    """What is said of a body that is too large."""
    return f"The body is too large: at most {max_bytes:,} bytes."


class LimitedBody:
    """Counts a body as it arrives, whatever its length was said to be, and gives it so much time. FastAPI's own limit
    answers in plain text.

    Parameters
    ----------
    receive : Receive
        Gives the messages of a request.
    max_bytes : int
        Of the whole body.
    timeout_s : float
        Seconds that the whole of it may take.
    """

    def __init__(self, receive: Receive, max_bytes: int, timeout_s: float) -> None:
        self._receive, self._left, self._max_bytes, self._is_complete = receive, max_bytes, max_bytes, False
        self._timeout_s, self._until = timeout_s, time.monotonic() + timeout_s

    async def __call__(self) -> Message:
        """The next message.

        Raises
        ------
        HTTPException
            When the body is too large (413) or too slow (408).
        """
        if self._is_complete:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._until - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408, f"The body took longer than {self._timeout_s:.0f} seconds to arrive.") from None
        self._is_complete = message["type"] != "http.request" or not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, describe_excess(self._max_bytes))
        return message


async def read_whole(receive: Receive) -> bytes | None:
    """A body, once all of it is there; None when its sender has gone. Errors are those of `receive`."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read before, then what comes after it."""
    coming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return coming.pop() if coming else await receive()

    return receive_again
