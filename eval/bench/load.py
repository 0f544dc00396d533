"""Load on a running service, from a process of its own: `python -m eval.bench.load URL --rate 30 --seconds 20`.

Questions of the gold set are asked at a steady rate, whether or not earlier ones have been answered. Prints one JSON
object: how many were answered and how fast, how many were sent away and how fast, and how soon after the load a
question is answered as before; and the service's memory, twenty times in the course of it.
"""

import argparse
import asyncio
import itertools
import json
import re
import statistics
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from eval.datasets import gold

_TIMEOUT_S = 30.0
_BUSY = (429, 503)
_CALM_MS = 250.0
_SAMPLES = 20
_RESIDENT = re.compile(r"^process_resident_memory_bytes (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: its HTTP status (0: no connection), and the time it took."""

    status: int
    milliseconds: float


async def load(url: str, rate: float, seconds: float) -> dict[str, Any]:
    """Ask at `rate` a second for so long."""
    questions = itertools.cycle([question.text for question in gold()])
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S, limits=limits) as client:
        for _ in range(5):
            await _asked(client, next(questions))
        started = time.perf_counter()
        memory = asyncio.create_task(_memory(client, seconds))
        asked = []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            asked.append(asyncio.create_task(_asked(client, next(questions))))
        replies = await asyncio.gather(*asked)
        took = time.perf_counter() - started
        recovery = await _recovery(client, next(questions))
        sampled = await memory
    answered = [reply.milliseconds for reply in replies if reply.status == 200]
    refused = [reply.milliseconds for reply in replies if reply.status in _BUSY]
    return {
        "asked_per_s": rate,
        "answered_per_s": round(len(answered) / took, 1),
        "answered_ms": _percentiles(answered),
        "refused_ms": _percentiles(refused),
        "statuses": dict(Counter(reply.status for reply in replies)),
        "recovery_s": round(recovery, 2),
        "memory_mb": sampled,
    }


async def _asked(client: httpx.AsyncClient, question: str) -> Reply:
    started = time.perf_counter()
    try:
        status = (await client.post("/v1/ask", json={"question": question, "mode": "extractive"})).status_code
    except httpx.TransportError:
        status = 0
    return Reply(status, 1000 * (time.perf_counter() - started))


async def _memory(client: httpx.AsyncClient, seconds: float) -> list[int]:
    """Resident megabytes of the service at equal times; empty where it does not tell."""
    found = []
    for _ in range(_SAMPLES):
        await asyncio.sleep(seconds / _SAMPLES)
        with suppress(httpx.TransportError):  # under load a sample may be lost
            told = _RESIDENT.search((await client.get("/metrics")).text)
            found += [round(float(told[1]) / 2**20)] if told else []
    return found


async def _recovery(client: httpx.AsyncClient, question: str) -> float:
    """Seconds until a question is answered as fast as in calm."""
    started = time.perf_counter()
    while time.perf_counter() - started < _TIMEOUT_S:
        reply = await _asked(client, question)
        if reply.status == 200 and reply.milliseconds < _CALM_MS:
            break
    return time.perf_counter() - started


def _percentiles(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    cuts = statistics.quantiles(values, n=20)
    return {"p50": round(statistics.median(values), 1), "p95": round(cuts[-1], 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--rate", type=float, default=30)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(load(options.url, options.rate, options.seconds)), indent=2))
