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
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from eval.datasets import read_gold_set

_TIMEOUT_S = 30.0
_WARM_UP = 5
_OK = 200
_SENT_AWAY = (429, 503)
_CALM_MS = 250.0
"""A question that is answered within this time is answered as without load."""
_MEMORY_SAMPLES = 20
_RESIDENT = re.compile(r"^process_resident_memory_bytes (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one question.

    Attributes
    ----------
    status : int
        Of HTTP; 0 without a connection.
    milliseconds : float
        That it took.
    """

    status: int
    milliseconds: float


async def measure_load(url: str, rate: float, seconds: float) -> dict[str, Any]:
    """Ask at a steady rate.

    Parameters
    ----------
    url : str
        Of the service.
    rate : float
        Questions a second.
    seconds : float
        For how long.
    """
    questions = itertools.cycle([question.text for question in read_gold_set()])
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S, limits=limits) as client:
        for _ in range(_WARM_UP):
            await _ask(client, next(questions))
        started = time.perf_counter()
        sampling = asyncio.create_task(_sample_memory(client, seconds))
        replies = await _ask_steadily(client, questions, rate, seconds)
        took = time.perf_counter() - started
        recovery = await _measure_recovery(client, next(questions))
        memory = await sampling
    answered = [reply.milliseconds for reply in replies if reply.status == _OK]
    return {
        "asked_per_s": rate,
        "answered_per_s": round(len(answered) / took, 1),
        "answered_ms": _compute_percentiles(answered),
        "refused_ms": _compute_percentiles([reply.milliseconds for reply in replies if reply.status in _SENT_AWAY]),
        "statuses": dict(Counter(reply.status for reply in replies)),
        "recovery_s": round(recovery, 2),
        "memory_mb": memory,
    }


async def _ask_steadily(
    client: httpx.AsyncClient, questions: Iterator[str], rate: float, seconds: float
) -> list[Reply]:
    started = time.perf_counter()
    tasks = []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(_ask(client, next(questions))))
    return await asyncio.gather(*tasks)


async def _ask(client: httpx.AsyncClient, question: str) -> Reply:
    started = time.perf_counter()
    try:
        status = (await client.post("/v1/ask", json={"question": question, "mode": "extractive"})).status_code
    except httpx.TransportError:
        status = 0
    return Reply(status, 1000 * (time.perf_counter() - started))


async def _sample_memory(client: httpx.AsyncClient, seconds: float) -> list[int]:
    """Resident megabytes of the service at equal times; empty where it does not tell."""
    samples = []
    for _ in range(_MEMORY_SAMPLES):
        await asyncio.sleep(seconds / _MEMORY_SAMPLES)
        with suppress(httpx.TransportError):  # under load a sample may be lost
            resident = _RESIDENT.search((await client.get("/metrics")).text)
            samples += [round(float(resident[1]) / 2**20)] if resident else []
    return samples


async def _measure_recovery(client: httpx.AsyncClient, question: str) -> float:
    """Seconds until a question is answered as fast as without load."""
    started = time.perf_counter()
    while time.perf_counter() - started < _TIMEOUT_S:
        reply = await _ask(client, question)
        if reply.status == _OK and reply.milliseconds < _CALM_MS:
            break
    return time.perf_counter() - started


def _compute_percentiles(values: list[float]) -> dict[str, float]:
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
    print(json.dumps(asyncio.run(measure_load(options.url, options.rate, options.seconds)), indent=2))
