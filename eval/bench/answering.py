"""How fast the index of the settings answers, in a process that does nothing else: `python -m eval.bench.answering`.

Prints one JSON object: seconds from the start to the first answer, milliseconds of a question's search, of the store's
part in it, and of an answer, and megabytes after 250 questions of the gold set: all that is resident, which counts what
is mapped of the index's files, and the part of it that is not a file's.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

STARTED = time.time()


def run(since: float) -> dict[str, Any]:
    """All figures."""
    from eval.datasets import gold
    from rag.answering.assistant import Assistant
    from rag.settings import load

    with Assistant.from_settings(load()) as assistant:
        questions = [question.text for question in gold()][:200]
        assistant.ask(questions[0])
        first = time.time() - since
        for question in questions[:50]:
            assistant.ask(question)
        timings = [_timed(assistant, question) for question in questions]
        status = dict(line.split(":") for line in Path("/proc/self/status").read_text("utf-8").splitlines())
        resident, own = (int(status[name].split()[0]) // 1024 for name in ("VmRSS", "RssAnon"))
    times = {f"{name}_ms": _percentiles([timing[name] for timing in timings]) for name in timings[0]}
    return {"first_answer_s": round(first, 2), "resident_mb": resident, "own_mb": own} | times


def _timed(assistant: Any, question: str) -> dict[str, float]:
    started = time.perf_counter()
    found = assistant.search(question)
    searched = time.perf_counter()
    assistant.ask(question)
    done = time.perf_counter()
    return {
        "question": 1000 * (searched - started),
        "store": found.timings_ms["store"],
        "answer": 1000 * (done - searched),
    }


def _percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=20)
    return {"p50": round(statistics.median(values), 1), "p95": round(cuts[-1], 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--since", type=float, default=STARTED, help="Unix time at which the process was begun")
    print(json.dumps(run(parser.parse_args().since), indent=2))
