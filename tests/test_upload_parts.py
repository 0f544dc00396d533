"""Large JSON to a running service, in bodies that it takes."""

import io
import json
from pathlib import Path

from ingest.readers import ReadResult, cut_json, format_of_file, read_upload
from rag.types import Article
from ui.cli.upload import send_content

LINES = [json.dumps({"text": f"النص رقم {number}. " * 40}, ensure_ascii=False) for number in range(200)]
FORMATS = {"all.jsonl": "\n".join(LINES), "all.json": f"[{', '.join(LINES)}]"}


class Service:
    """Takes bodies up to a size, and reads them as a service does."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.articles: dict[str, str] = {}
        self.refused = 0

    def upload(self, path, content, media_type, name, source):
        if len(content) > self._max_bytes:
            self.refused += 1
            return {"error": {"code": "body_too_large", "message": "too large"}}
        added = {one.id: one.text for one in read(content, media_type, name)}
        self.articles |= added
        return {"added": list(added), "changed": [], "unchanged": [], "failed": {}, "warnings": {}}


def read(content: bytes, media_type: str, name: str) -> list[Article]:
    known = format_of_file(Path("x.jsonl" if media_type == "application/jsonl" else "x.json"))
    found: list[ReadResult] = list(read_upload(content, known, name, 10_000))
    return [one for one in found if isinstance(one, Article)]


def send(service: Service, name: str, content: str, max_bytes: int) -> list[dict]:
    known, names = format_of_file(Path(name)), {"name": "all", "source": f"/in/{name}"}
    return list(send_content(service, content.encode(), known, names, max_bytes))


def test_bodies_fit_and_hold_every_article_under_its_number():
    for name, content in FORMATS.items():
        bodies = list(cut_json(io.BufferedReader(io.BytesIO(content.encode())), 50_000))
        assert len(bodies) > 2
        assert max(map(len, bodies)) <= 50_000
        found = [one for body in bodies for one in read(body, "application/jsonl", "all")]
        whole = read(content.encode(), f"application/{name.partition('.')[2]}", "all")
        assert [(one.id, one.text) for one in found] == [(one.id, one.text) for one in whole]


def test_a_file_is_cut_to_what_this_side_and_the_service_take():
    for name, content in FORMATS.items():
        for max_bytes, limit in ((50_000, 60_000), (8_000_000, 60_000), (120_000, 60_000)):
            service = Service(limit)
            replies = send(service, name, content, max_bytes)
            assert not any("error" in reply for reply in replies)
            assert len(service.articles) == 200
            assert service.refused <= 4


def test_what_fits_goes_as_it_is_and_one_article_that_does_not_is_refused():
    service = Service(1_000_000)
    assert len(send(service, "all.json", FORMATS["all.json"], 8_000_000)) == 1
    long = json.dumps({"text": "كلمة " * 20_000}, ensure_ascii=False)
    replies = send(Service(60_000), "all.jsonl", "\n".join([LINES[0], long, LINES[1]]), 60_000)
    assert [("error" in reply) for reply in replies] == [False, True, False]
