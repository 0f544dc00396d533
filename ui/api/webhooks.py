"""Tells an address of yours that an upload has ended: signed as Standard Webhooks has it (https://standardwebhooks.com),
tried again when it fails, and sent to no private address that is not let through."""

import base64
import hmac
import json
import logging
import queue
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Self
from uuid import uuid4

import httpcore
import httpx

from ingest.connections import CheckedBackend
from rag.errors import ReadError, SettingsError
from rag.settings import Settings

_log = logging.getLogger(__name__)

_DELAYS_S = (1.0, 5.0, 30.0)
"""Before each further attempt."""
_TIMEOUT_S = 15.0
_MAX_WAITING = 200
"""As many as jobs are remembered."""
_SECRET_PREFIX = "whsec_"
"""Before a secret in base64, as Standard Webhooks writes them."""
_GONE = 410
_SUCCESSES = range(200, 300)


class Webhook:
    """Sends events to one address, in order, from a thread of its own. What waits when the process ends is lost.

    Parameters
    ----------
    url : str
        Where to.
    secret : str
        Signs them; base64 behind `whsec_`, or any other text as it stands.
    let_through : collection of str
        Hosts that may have a private address, lower case.
    delays_s : sequence of float
        Seconds before each further attempt.

    Raises
    ------
    SettingsError
        For an address that cannot be taken apart.
    """

    def __init__(
        self, url: str, secret: str, let_through: Collection[str] = (), delays_s: Sequence[float] = _DELAYS_S
    ) -> None:
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise SettingsError(f"DALIL_WEBHOOK_URL is no address: {error}.") from None
        self._key, self._let_through, self._delays_s = decode_secret(secret), let_through, delays_s
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue(_MAX_WAITING)
        self._lock, self._is_started = threading.Lock(), False
        self._ssl = httpx.create_ssl_context()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The one that is set, if one is."""
        if not (settings.webhook_url and settings.webhook_secret):
            return None
        return cls(settings.webhook_url, settings.webhook_secret.get_secret_value(), settings.web_hosts_let_through)

    def send(self, kind: str, data: dict[str, Any]) -> None:
        """Have an event sent; returns at once."""
        with self._lock:
            if not self._is_started:
                self._is_started = True
                threading.Thread(target=self._deliver_all, name="webhook", daemon=True).start()
        try:
            self._waiting.put_nowait({"type": kind, "timestamp": datetime.now(UTC).isoformat(), "data": data})
        except queue.Full:
            _log.warning("a webhook was left out: %d wait already", _MAX_WAITING)

    def _deliver_all(self) -> None:
        while True:
            self._deliver(self._waiting.get())

    def _deliver(self, event: dict[str, Any]) -> None:
        body, message_id = json.dumps(event, ensure_ascii=False).encode(), f"msg_{uuid4().hex}"
        problem = ""
        for delay_s in (0.0, *self._delays_s):
            time.sleep(delay_s)
            try:
                status = self._post(body, sign(self._key, message_id, int(time.time()), body))
            except ReadError as error:
                problem = str(error)
            except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
                problem = f"{type(error).__name__} {error}".strip()
            else:
                if status in _SUCCESSES:
                    return
                problem = f"it answers with {status}"
                if status == _GONE:
                    break
        _log.warning("a webhook for %s was not delivered: %s", event["type"], problem)

    def _post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of one attempt; redirects are not followed."""
        url = self._url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        given = {"Host": url.netloc.decode(), "Content-Type": "application/json", "User-Agent": "Dalil", **headers}
        backend = CheckedBackend(self._let_through, _TIMEOUT_S)
        with httpcore.ConnectionPool(ssl_context=self._ssl, network_backend=backend) as pool:
            response = pool.request("POST", target, headers=list(given.items()), content=body)
        return response.status


def decode_secret(secret: str) -> bytes:
    """The key that a secret stands for; raises ValueError for base64 that is none."""
    if secret.startswith(_SECRET_PREFIX):
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    return secret.encode()


def sign(key: bytes, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers that say which message this is, when it was sent (seconds since 1970), and that it is ours."""
    signed = f"{message_id}.{seconds}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(seconds), "webhook-signature": f"v1,{signature}"}
