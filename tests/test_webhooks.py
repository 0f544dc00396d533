"""What an address of the reader's own is told of uploads, on loopback."""

import base64
import hashlib
import hmac
import json
import logging
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from pydantic import SecretStr

from rag.errors import SettingsError
from rag.settings import load_settings
from tests.doubles import closed_port, like, local_client
from ui.api import AnswerService, create_app
from ui.api.webhooks import Webhook

SECRET = "a secret of ours"
LOOPBACK = ("127.0.0.1",)
FILLER = "x" * 25_000
"""A field that is not read: an upload becomes a job by its bytes."""


class Receiver:
    """A server that takes webhooks, and answers with these statuses in turn, the last one for ever."""

    def __init__(self, *statuses):
        self.statuses, self.received = list(statuses or (204,)), []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks?of=dalil"

    def _handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((self.path, dict(self.headers), body))
                statuses = receiver.statuses
                self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
                self.send_header("Content-Length", "0")
                self.send_header("Location", receiver.url)
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler

    def __enter__(self):
        Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, number):
        """The requests, as soon as there are so many."""
        until = time.monotonic() + 60
        while len(self.received) < number:
            assert time.monotonic() < until, "it never came"
            time.sleep(0.02)
        return self.received


def is_signed(headers, body, key):
    """Whether a message bears our signature, as its receiver would find out."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{expected}"


def upload(client, lines):
    return client.post("/v1/articles", content="\n".join(lines), headers={"Content-Type": "application/jsonl"})


def test_a_job_that_ends_is_told_with_what_became_of_it(assistant):
    with Receiver() as receiver:
        told = {"webhook_url": receiver.url, "webhook_secret": SecretStr(SECRET), "web_private_hosts": "127.0.0.1"}
        client = local_client(create_app(AnswerService(like(assistant, **told))))
        texts = {f"hook-{number}": f"أُضيء الفنار. {number}" for number in range(9)}
        lines = [json.dumps({"id": name, "text": text, "filler": FILLER}) for name, text in texts.items()]
        job = upload(client, lines).json()
        (path, headers, body), *others = receiver.wait(1)
        for number in range(9):
            client.delete(f"/v1/articles/hook-{number}")
    event = json.loads(body)
    assert (path, others) == ("/hooks?of=dalil", [])
    assert (event["type"], event["data"]["id"], event["data"]["status"]) == ("job.done", job["id"], "done")
    assert sorted(event["data"]["added"]) == [f"hook-{number}" for number in range(9)]
    assert is_signed(headers, body, SECRET.encode())
    assert not is_signed(headers, body + b" ", SECRET.encode())
    assert client.get(f"/v1/jobs/{job['id']}").json()["status"] == "done"


def test_a_secret_in_base64_is_the_key_that_it_stands_for():
    with Receiver() as receiver:
        Webhook(receiver.url, f"whsec_{base64.b64encode(b'0123').decode()}", LOOPBACK).send("job.done", {})
        _, headers, body = receiver.wait(1)[0]
    assert is_signed(headers, body, b"0123")


def test_what_fails_is_tried_again_as_the_same_message():
    with Receiver(500, 302, 204) as receiver:
        webhook = Webhook(receiver.url, SECRET, LOOPBACK, delays_s=(0, 0, 0))
        webhook.send("job.done", {"id": "1"})
        webhook.send("job.failed", {"id": "2"})
        received = receiver.wait(4)
    assert len({headers["webhook-id"] for _, headers, _ in received[:3]}) == 1
    assert [json.loads(body)["data"]["id"] for _, _, body in received] == ["1", "1", "1", "2"]
    assert all(is_signed(headers, body, SECRET.encode()) for _, headers, body in received)


class Heard(logging.Handler):
    """The first warning."""

    def __init__(self):
        super().__init__()
        self.words, self.has_come = "", Event()

    def emit(self, record):
        self.words = record.getMessage()
        self.has_come.set()


@pytest.fixture
def heard():
    handler, log = Heard(), logging.getLogger("ui.api.webhooks")
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


def test_one_that_is_gone_is_not_tried_again(heard):
    with Receiver(410) as receiver:
        Webhook(receiver.url, SECRET, LOOPBACK, delays_s=(0, 0)).send("job.done", {})
        assert heard.has_come.wait(60)
    assert "410" in heard.words
    assert len(receiver.received) == 1


def test_one_that_is_never_there_is_given_up_and_said(heard):
    url = f"http://127.0.0.1:{closed_port()}/"
    Webhook(url, SECRET, LOOPBACK, delays_s=(0, 0)).send("job.done", {})
    assert heard.has_come.wait(60)
    assert heard.words.startswith("a webhook for job.done was not delivered: ConnectError")
    assert SECRET not in heard.words


def test_a_private_address_is_told_nothing_unless_it_is_let_through(heard):
    with Receiver() as receiver:
        Webhook(receiver.url, SECRET, delays_s=()).send("job.done", {})
        assert heard.has_come.wait(60)
    assert "private network" in heard.words
    assert receiver.received == []


def test_an_address_that_is_none_is_refused_at_the_start():
    with pytest.raises(SettingsError, match="DALIL_WEBHOOK_URL is no address"):
        Webhook(f"https://{'ü' * 70}.example.org/", SECRET)
    for url in ("http://[::1/hooks", "https://example.org:99999", "https://example.org:port/", "https://:80/"):
        with pytest.raises(SettingsError, match="an address with a host"):
            load_settings({"DALIL_WEBHOOK_URL": url, "DALIL_WEBHOOK_SECRET": SECRET})


def test_an_address_needs_a_secret():
    with pytest.raises(SettingsError, match="DALIL_WEBHOOK_URL needs DALIL_WEBHOOK_SECRET"):
        load_settings({"DALIL_WEBHOOK_URL": "https://example.org/hooks"})
    assert Webhook.from_settings(load_settings({})) is None
