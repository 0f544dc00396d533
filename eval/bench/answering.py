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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.answering.assistant import Assistant

STARTED = time.time()
_QUESTIONS, _WARM_UP = 200, 50


def measure_answering(since: float) -> dict[str, Any]:
    """All figures; `since` is the Unix time at which the process was started."""
    # Imported here, so that their time counts.
    from eval.datasets import read_gold_set
    from rag.answering.assistant import Assistant
    from rag.settings import load_settings

    with Assistant.from_settings(load_settings()) as assistant:
        questions = [question.text for question in read_gold_set()][:_QUESTIONS]
        assistant.ask(questions[0])
        first_answer_s = time.time() - since
        for question in questions[:_WARM_UP]:
            assistant.ask(question)
        timings = [_time_question(assistant, question) for question in questions]
        memory = _read_memory()
    times = {f"{name}_ms": _compute_percentiles([timing[name] for timing in timings]) for name in timings[0]}
    return {"first_answer_s": round(first_answer_s, 2)} | memory | times


def _read_memory() -> dict[str, int]:
    """Megabytes of this process."""
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text("utf-8").splitlines())
    return {
        name: int(status[field].split()[0]) // 1024
        for name, field in {"resident_mb": "VmRSS", "own_mb": "RssAnon"}.items()
    }


def _time_question(assistant: "Assistant", question: str) -> dict[str, float]:
    started = time.perf_counter()
    result = assistant.search(question)
    searched = time.perf_counter()
    assistant.ask(question)
    done = time.perf_counter()
    return {
        "question": 1000 * (searched - started),
        "store": result.timings_ms["store"],
        "answer": 1000 * (done - searched),
    }


def _compute_percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=20)
    return {"p50": round(statistics.median(values), 1), "p95": round(cuts[-1], 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--since", type=float, default=STARTED, help="Unix time at which the process was begun")
    print(json.dumps(measure_answering(parser.parse_args().since), indent=2))
