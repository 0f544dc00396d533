"""Who added and removed what."""

import json
import re
import time
from contextlib import closing
from hashlib import sha256

import pytest

from rag.errors import SettingsError
from rag.settings import load_settings
from tests.doubles import local_client, open_assistant
from tests.test_collections import bearer, write_keys
from ui.api import AnswerService, create_app
from ui.api.audit import AuditLog

TEXT = {"content-type": "text/plain"}
LONG = "\n" * 210_000 + "نص قصير."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("audit")


@pytest.fixture(scope="module")
def client(folder):
    keys = write_keys(folder / "keys.json", {"غرفة الأخبار": {"role": "write"}, "reader": {"role": "read"}})
    settings = load_settings({}, data_dir=folder, keys_file=keys, audit_file=folder / "audit.jsonl", collections="law")
    with open_assistant(settings) as assistant, closing(AnswerService(assistant)) as service:
        yield local_client(create_app(service), headers={"Authorization": "Bearer غرفة الأخبار".encode()})


def read_lines(folder):
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text("utf-8").splitlines()]


def test_what_is_added_changed_and_removed_is_written_with_the_name_of_the_key(client, folder):
    client.post("/v1/articles?name=one", content="نص أول.".encode(), headers=TEXT)
    client.post("/v1/articles?name=one", content="نص أول.".encode(), headers=TEXT)
    client.post("/v1/articles?name=one", content="نص ثان.".encode(), headers=TEXT)
    client.patch("/v1/articles/one", json={"title": "عنوان"})
    client.delete("/v1/articles/one")
    lines = read_lines(folder)
    assert [(line["action"], line["articles"]) for line in lines] == [
        ("added", ["one"]),
        ("changed", ["one"]),
        ("changed", ["one"]),
        ("removed", ["one"]),
    ]
    assert {(line["key"], line["collection"]) for line in lines} == {("غرفة الأخبار", "default")}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["time"]) for line in lines)
    assert "نص" not in (folder / "audit.jsonl").read_text("utf-8")


def test_a_job_is_written_with_the_name_of_the_key_that_began_it(client, folder):
    job = client.post("/v1/collections/law/articles?name=long", content=LONG.encode(), headers=TEXT).json()
    for _ in range(300):
        if client.get(f"/v1/collections/law/jobs/{job['id']}").json()["status"] != "running":
            break
        time.sleep(0.1)
    last = read_lines(folder)[-1]
    assert (last["key"], last["action"], last["collection"], last["articles"]) == (
        "غرفة الأخبار", "added", "law", ["long"],
    )  # fmt: skip


def test_what_is_refused_or_only_planned_is_not_written(client, folder):
    before = read_lines(folder)
    refused = client.post("/v1/articles?name=two", content=b"x", headers=TEXT | bearer("reader"))
    assert refused.status_code == 403
    planned = client.post("/v1/articles?name=two&dry_run=true", content="نص.".encode(), headers=TEXT)
    assert planned.json()["added"] == ["two"]
    assert client.delete("/v1/articles/unknown").status_code == 404
    assert read_lines(folder) == before


def test_a_log_that_cannot_be_written_is_no_reason_to_go_on(folder):
    with pytest.raises(SettingsError, match=r"DALIL_AUDIT_FILE: .* cannot be written"):
        AuditLog(folder / "audit.jsonl" / "below")


def test_no_key_is_in_the_log(client, folder):
    content = (folder / "audit.jsonl").read_text("utf-8")
    assert sha256("غرفة الأخبار".encode()).hexdigest() not in content
