"""The time that the page takes for its reader: `python -m eval.bench.page`, where Chromium and Playwright are here.

`dalil serve` runs over the sample articles as it does for people, and a headless browser opens its page. Prints one
JSON object, in milliseconds: `load_ms` from the start of the navigation until the box can be written in and the welcome
is there, `live_ms` until Gradio has taken over, each in a new browser right after a new service has said that it
answers, with what came over the network;
`text_ms` and `answer_ms` from the click on the button until an answer's first words, and until all of it with its
citations, are on the page; `shift`, what moves by itself while answers of a scripted model are written, as Cumulative
Layout Shift: the largest sum of a window of at most five seconds that no pause of a second parts
(https://web.dev/articles/cls).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from eval.bench.overhead import QuotingEndpoint
from eval.bench.serving import run_service
from eval.browser import open_browser
from eval.datasets import read_gold_set
from rag.language.languages import DEFAULT_LANGUAGE

if TYPE_CHECKING:
    from playwright.sync_api import Page

_WAIT_MS = 20_000
_STREAMED, _PACE_S = 3, 0.03
"""Answers of the scripted model that are watched, and the time between two of its words."""
_SETTLED_MS = 1500
"""After which nothing that came with the opening of the page, or with an answer, still moves."""
_EVENTS = ("text", "answer")
"""What is timed from the click on: the first words of an answer, and all of it."""

_MOMENTS = {"load": "usable", "live": "live"}
"""What is timed from the start of the navigation on, by what the page notes it as."""

_WATCH = """
window.seen = {};
window.shift = { first: 0, last: 0, sum: 0, largest: 0 };
const when = (name, selector) => {
  if (!(name in seen) && document.querySelector(selector)) {
    seen[name] = 0;
    requestAnimationFrame(() => { seen[name] = performance.now(); });
  }
};
new MutationObserver(() => {
  if (document.querySelector(":is(#dalil-shell, #dalil-question) textarea")) when("usable", ".dalil-welcome");
  if (!document.querySelector("#dalil-shell")) when("live", ".dalil-turn");
  if (!("sent" in seen)) return;
  when("text", `.dalil-turn:nth-child(${seen.turn}) :is(.dalil-block, .dalil-quote, .dalil-refusal)`);
  when("answer", `.dalil-turn:nth-child(${seen.turn}) .dalil-actions`);
}).observe(document, { subtree: true, childList: true });
new PerformanceObserver((list) => {
  for (const { hadRecentInput, startTime, value } of list.getEntries()) {
    if (hadRecentInput) continue;
    const goes_on = startTime - shift.last < 1000 && startTime - shift.first < 5000;
    const [first, sum] = goes_on ? [shift.first, shift.sum] : [startTime, 0];
    shift = { first, last: startTime, sum: sum + value, largest: shift.largest };
    shift.largest = Math.max(shift.largest, shift.sum);
  }
}).observe({ type: "layout-shift" });
addEventListener("click", (event) => {
  if (!event.target.closest("#dalil-ask")) return;
  const turn = document.querySelectorAll(".dalil-question").length + 1;
  seen = { sent: performance.now(), turn };
}, true);
"""
_NETWORK = """() => {
  const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const total = (of) => Math.round(all.reduce((sum, entry) => sum + entry[of], 0) / 1000);
  return { requests: all.length, kb: total("transferSize"), unpacked_kb: total("decodedBodySize") };
}"""


def measure_page(loads: int, questions: int, folder: Path, articles: Path) -> dict[str, Any]:
    """All figures.

    Parameters
    ----------
    loads : int
        How often the page is opened.
    questions : int
        Questions that are timed, in the default language.
    folder : Path
        Empty, for the index.
    articles : Path
        Folder of the sample articles.
    """
    ingest = [sys.executable, "-m", "ui.cli", "ingest", str(articles)]
    environment = os.environ | {"DALIL_DATA_DIR": str(folder)}
    subprocess.run(ingest, env=environment, check=True, capture_output=True)
    answerable = [
        question.text for question in read_gold_set() if question.language == DEFAULT_LANGUAGE and question.answers
    ]
    visits = [_measure_visit(folder) for _ in range(loads)]
    return {
        **{f"{name}_ms": _summarize([visit[moment] for visit in visits]) for name, moment in _MOMENTS.items()},
        "network": visits[-1]["network"],
        **_measure_answers(folder, answerable[:questions]),
        "shift": round(_measure_shift(folder, answerable[:_STREAMED]), 3),
    }


@contextmanager
def _open_page(url: str) -> Iterator["Page"]:
    """The page in a browser that has never seen it."""
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.add_init_script(_WATCH)
        page.goto(f"{url}/{DEFAULT_LANGUAGE}/", wait_until="commit")
        page.wait_for_function("seen.live", timeout=_WAIT_MS)
        yield page


def _measure_visit(folder: Path) -> dict[str, Any]:
    with run_service(folder) as url, _open_page(url) as page:
        return {**page.evaluate("seen"), "network": page.evaluate(_NETWORK)}


def _ask(page: "Page", question: str) -> dict[str, float]:
    page.fill("#dalil-question textarea", question)
    page.click("#dalil-ask")
    page.wait_for_function("seen.answer", timeout=_WAIT_MS)
    page.wait_for_selector("#dalil-ask", state="visible")
    seen: dict[str, float] = page.evaluate("seen")
    return seen


def _measure_answers(folder: Path, questions: list[str]) -> dict[str, Any]:
    with run_service(folder) as url, _open_page(url) as page:
        seen = [_ask(page, question) for question in questions]
    return {f"{name}_ms": _compute_percentiles([each[name] - each["sent"] for each in seen]) for name in _EVENTS}


def _measure_shift(folder: Path, questions: list[str]) -> float:
    with QuotingEndpoint(_PACE_S) as endpoint:
        Thread(target=endpoint.serve_forever, daemon=True).start()
        with run_service(folder, **endpoint.variables) as url, _open_page(url) as page:
            page.wait_for_timeout(_SETTLED_MS)
            page.evaluate("shift = { first: 0, last: 0, sum: 0, largest: 0 }")
            for question in questions:
                _ask(page, question)
            page.wait_for_timeout(_SETTLED_MS)
            largest = float(page.evaluate("shift.largest"))
        endpoint.shutdown()
    return largest


def _summarize(times: list[float]) -> dict[str, Any]:
    return {"median": round(statistics.median(times)), "each": [round(time) for time in times]}


def _compute_percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=20)
    return {"median": round(statistics.median(values)), "p95": round(cuts[-1])}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loads", type=int, default=5)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--articles", type=Path, default=Path("articles"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = measure_page(options.loads, options.questions, Path(temporary), options.articles)
        print(json.dumps(figures, indent=2))
