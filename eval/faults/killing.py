"""`dalil serve` is killed again and again while it takes articles in: `python -m eval.faults.killing --rounds 50`.

An article is acknowledged when its upload was answered with 200 or 201: from then on it may not be lost, nor be there
in part. Prints one JSON object; the exit code is 1 when an acknowledged article is missing or another than the last one
acknowledged (or the one that was being sent).
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from eval.bench.serving import OpenService, open_service

_ARTICLES = 12
_LONGEST_ROUND_S = 4.0
_TIMEOUT_S = 30.0
_SENTENCE = "المقال رقم {number} في صيغته {version} يحكي عن البلدة القديمة وسوقها ومينائها، ثم عن أهلها. "
_REPETITIONS = 30
_MARKDOWN = {"Content-Type": "text/markdown"}


def measure_killing(rounds: int, folder: Path, start: OpenService = open_service) -> dict[str, Any]:
    """Counts of what was sent and acknowledged, and the names of what was lost.

    Parameters
    ----------
    rounds : int
        Kills.
    folder : Path
        Empty, for the index.
    start : callable
        Starts a service.
    """
    draw = random.Random(1)
    texts: dict[str, set[str]] = {}
    lost: list[str] = []
    acknowledged = 0
    for version in range(rounds):
        with start(folder) as service:
            lost += _find_lost(service.url, texts)
            threading.Timer(draw.uniform(0, _LONGEST_ROUND_S), service.process.kill).start()
            acknowledged += _upload_until_killed(service.url, draw, version, texts)
    with start(folder) as service:
        lost += _find_lost(service.url, texts)
    return {"rounds": rounds, "acknowledged": acknowledged, "articles": len(texts), "lost": lost}


def _upload_until_killed(url: str, draw: random.Random, version: int, texts: dict[str, set[str]]) -> int:
    """Upload articles until the service is gone; gives how many were acknowledged. `texts` holds, by name, the texts
    that may be there: the one acknowledged last and, where no answer came to another, that one."""
    acknowledged = 0
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S) as client:
        while True:
            name = f"article-{draw.randrange(_ARTICLES)}"
            text = _SENTENCE.format(number=name, version=f"{version}.{acknowledged}") * _REPETITIONS
            texts.setdefault(name, {""}).add(text.strip())
            try:
                client.post(
                    "/v1/articles", params={"name": name}, content=text.encode(), headers=_MARKDOWN
                ).raise_for_status()
            except httpx.TransportError:
                return acknowledged
            texts[name] = {text.strip()}
            acknowledged += 1


def _find_lost(url: str, texts: dict[str, set[str]]) -> list[str]:
    """The articles of which another text, or none, is there than may be; what is there is all that may be from now."""
    lost = []
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S) as client:
        for name, allowed in texts.items():
            found = client.get(f"/v1/articles/{name}")
            text = found.json()["text"].strip() if found.status_code == httpx.codes.OK else ""
            if text not in allowed:
                lost.append(name)
            texts[name] = {text}
    return lost


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        found = measure_killing(options.rounds, Path(temporary))
    print(json.dumps(found | {"seconds": round(time.monotonic() - started)}, indent=2))
    return int(bool(found["lost"]))


if __name__ == "__main__":
    sys.exit(main())
