"""Writes `openapi.json` as the service gives it, and the types of the client from it: `make client`.

Run from the root of the repository, with what requirements-dev.txt installs.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rag import Assistant, load_settings
from ui.api import AnswerService, create_app

_FOLDER = Path(__file__).parent
SCHEMA_FILE, MODELS_FILE = _FOLDER / "openapi.json", _FOLDER / "dalil_client" / "models.py"
_HEADER = '"""The objects of the HTTP API, generated from openapi.json: `make client`. Not to be edited."""'
_OPTIONS = (
    "--input-file-type=openapi",
    "--output-model-type=pydantic_v2.BaseModel",
    "--target-python-version=3.11",
    "--formatters=ruff-format",
    "--disable-timestamp",
    f"--custom-file-header={_HEADER}",
    "--use-schema-description",
    "--enum-field-as-literal=all",
    "--strict-nullable",
    "--use-default-kwarg",
    "--collapse-root-models",
)
_USED = (
    "Answer SearchResponse ArticleList ArticleBody ArticleText UploadResult Job Removal Feedback FeedbackReceipt "
    "Readiness ErrorResponse ArticleFilters HistoryMessage"
).split()
"""What the client takes and gives; OpenAI's objects are for OpenAI's client."""
_LEFT_OUT = frozenset("title minLength maxLength minItems maxItems minimum maximum pattern".split())
"""Said in the document and not in the types: limits are the service's, which says what is wrong in its own words."""
_REF = "#/components/schemas/"


def read_schema() -> str:
    """The OpenAPI document of the service as it is now."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Assistant.from_settings(load_settings({}, data_dir=Path(folder))) as assistant,
    ):
        return json.dumps(create_app(AnswerService(assistant)).openapi(), ensure_ascii=False, indent=1) + "\n"


def generate_models(schema: str) -> str:
    """The types of a document."""
    command = [sys.executable, "-m", "datamodel_code_generator", *_OPTIONS]
    document = json.loads(schema)
    schemas = document["components"]["schemas"]
    used = {"paths": {}, "components": {"schemas": {name: schemas[name] for name in _closure(schemas)}}}
    used = _strip(document | used)
    return subprocess.run(command, input=json.dumps(used), capture_output=True, text=True, check=True).stdout


def _closure(schemas: dict[str, Any]) -> list[str]:
    """The names of what is used, and of what that consists of."""
    waiting, found = list(_USED), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += re.findall(rf'"{_REF}(\w+)"', json.dumps(schemas[name]))
    return sorted(found)


def _strip(value: Any, is_named: bool = False) -> Any:
    """A document without what is left out; `is_named`: its keys are the names of properties."""
    if isinstance(value, list):
        return [_strip(one) for one in value]
    if not isinstance(value, dict):
        return value
    is_kept = is_named or "prefixItems" in value  # a tuple is told by its length
    kept = {key: one for key, one in value.items() if is_kept or key not in _LEFT_OUT}
    return {key: _strip(one, is_named=key in ("properties", "schemas")) for key, one in kept.items()}


if __name__ == "__main__":
    SCHEMA_FILE.write_text(read_schema(), "utf-8")
    MODELS_FILE.write_text(generate_models(SCHEMA_FILE.read_text("utf-8")), "utf-8")
