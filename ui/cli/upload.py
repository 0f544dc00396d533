"""Files to a running service, which owns the index and takes them in while it answers."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from ingest.readers import Failure, files, name_of
from ingest.sync import Plan, Progress
from rag.errors import StoreError

_TYPES = {".md": "text/markdown", ".markdown": "text/markdown", ".txt": "text/plain", ".jsonl": "application/jsonl"}
_TIMEOUT_S = 300.0
_LOOK_EVERY_S = 0.5


def send(url: str, key: str | None, paths: Sequence[Path], progress: Progress) -> Plan:
    """Send every file under `paths`; raises StoreError when the service cannot be reached or lets nobody in."""
    plan = Plan()
    found = files(paths)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S) as client:
            progress(0, len(found))
            for number, (file, root) in enumerate(found, 1):
                _send(client, file, root, plan)
                progress(number, len(found))
    except httpx.HTTPError as error:
        raise StoreError(f"The service at {url} does not answer: {error}. What was sent before is kept.") from error
    return plan


def _send(client: httpx.Client, file: Path, root: Path, plan: Plan) -> None:
    try:
        content = file.read_bytes()
    except OSError as error:
        plan.failed.append(Failure(str(file), f"It cannot be read: {error.strerror}."))
        return
    kind = {"Content-Type": _TYPES[file.suffix.lower()]}
    answer = client.post("/v1/articles", params={"name": name_of(file, root)}, content=content, headers=kind)
    told = _told(answer)
    if answer.status_code in (401, 403):
        raise StoreError(f"The service does not let us in: {told} Set DALIL_API_KEYS to its key.")
    while told.get("status") == "running":
        time.sleep(_LOOK_EVERY_S)
        told = _told(client.get(f"/v1/jobs/{told['id']}"))
    if "error" in told or told.get("status") == "failed":
        reason = told.get("message") or told["error"]["message"]
        plan.failed.append(Failure(str(file), reason))
        return
    plan.added.extend(told["added"])
    plan.changed.extend(told["changed"])
    plan.unchanged.extend(told["unchanged"])
    plan.failed.extend(Failure(f"{file}: {place}", reason) for place, reason in told["failed"].items())


def _told(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise StoreError(f"What answers at {answer.url} is no Dalil: it says {answer.status_code} and no JSON.")
    return told
