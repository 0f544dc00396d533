"""Connections that send slowly, or nothing, beside people who ask: `python -m eval.faults.slow_connections URL`.

Asks the same questions of a running service before and while so many connections are open: a third of them send
nothing, a third a head byte by byte, a third a head and then a body byte by byte. Prints one JSON object:
the time of a question (p50 and p95, milliseconds) and the statuses, without and with them.
"""

import argparse
import json
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx

from eval.datasets import read_gold_set

_TIMEOUT_S = 60.0
_BYTE_PAUSE_S = 0.5
_WARM_UP = 5
_HEAD = "POST /v1/ask HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"


def measure_slow_connections(url: str, connections: int, questions: int) -> dict[str, Any]:
    """Times and statuses without and with slow connections.

    Parameters
    ----------
    url : str
        Of the service.
    connections : int
        Slow ones.
    questions : int
        Asked each time, one after the other.
    """
    texts = [question.text for question in read_gold_set()][: questions + _WARM_UP]
    _ask_all(url, texts[:_WARM_UP])
    alone = _ask_all(url, texts[_WARM_UP:])
    with _open_slowly(url, connections):
        beside = _ask_all(url, texts[_WARM_UP:])
    return {"connections": connections, "without": alone, "with": beside}


def _ask_all(url: str, questions: list[str]) -> dict[str, Any]:
    times, statuses = [], []
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S) as client:
        for question in questions:
            started = time.perf_counter()
            statuses.append(client.post("/v1/ask", json={"question": question}).status_code)
            times.append(1000 * (time.perf_counter() - started))
    p95 = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
    return {"p50": round(statistics.median(times), 1), "p95": round(p95, 1), "statuses": dict(Counter(statuses))}


@contextmanager
def _open_slowly(url: str, connections: int) -> Iterator[None]:
    """Slow connections for as long as the block runs; one that the service closes is opened again."""
    address = (str(urlsplit(url).hostname), urlsplit(url).port or 80)
    head = _HEAD.format(host=f"{address[0]}:{address[1]}").encode()
    end = threading.Event()
    kinds = ((b"", b""), (b"", head), (head, b'{"question": "' + b"a" * 400))
    threads = [
        threading.Thread(target=_send_slowly, args=(address, *kinds[number % len(kinds)], end))
        for number in range(connections)
    ]
    for thread in threads:
        thread.start()
    time.sleep(2 * _BYTE_PAUSE_S)
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join()


def _send_slowly(address: tuple[str, int], at_once: bytes, slowly: bytes, end: threading.Event) -> None:
    while not end.is_set():
        with suppress(OSError), socket.create_connection(address, timeout=_TIMEOUT_S) as connection:
            connection.sendall(at_once)
            for byte in slowly or b" " * 1000:
                if end.wait(_BYTE_PAUSE_S):
                    return
                if slowly:
                    connection.sendall(bytes([byte]))


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--questions", type=int, default=100)
    options = parser.parse_args()
    found = measure_slow_connections(options.url, options.connections, options.questions)
    print(json.dumps(found, indent=2))
    return int(set(found["with"]["statuses"]) != {httpx.codes.OK})


if __name__ == "__main__":
    sys.exit(main())
