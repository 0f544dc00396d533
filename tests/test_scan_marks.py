"""Pages that OCR read, shown with the words marked: pictures, and PDF files of pictures."""

import io
import json
import time

import pytest
from PIL import Image

from ingest.originals import Originals
from ingest.page_images import _split_words, choose_marks
from ingest.readers.original_file import OriginalFile
from rag.settings import load_settings
from rag.types import Span
from tests.doubles import article, local_client, open_assistant
from tests.scan_files import HEIGHT, TESSERACT_TEST, WIDTH, draw_page, save
from ui.api import AnswerService, create_app

LINES = ["بني برج الساعة في المدينة القديمة على ضفة النهر", "وصار برج الساعة رمزا للمدينة كلها بعد أعوام قليلة"]
OTHER = ["وقد رممت البلدية سور المدينة في صيف ذلك العام", "وزرعت حول السور أشجار الزيتون والنخيل والرمان"]
SIZE, TOP, RIGHT = 34, 70, WIDTH - 80
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "TIFF": "image/tiff", "PDF": "application/pdf"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    settings = load_settings({}, data_dir=tmp_path_factory.mktemp("scans"), ocr="auto")
    with open_assistant(settings) as opened:
        yield AnswerService(opened)


@pytest.fixture
def client(service):
    return local_client(create_app(service))


def send(client, kind):
    pages = [draw_page(LINES), draw_page(OTHER)] if kind in ("TIFF", "PDF") else [draw_page(LINES)]
    sent = {"params": {"name": kind}, "content": save(pages, kind), "headers": {"Content-Type": TYPES[kind]}}
    reply = client.post("/v1/articles", **sent).json()
    while reply.get("status") == "running":
        time.sleep(0.2)
        reply = client.get(f"/v1/jobs/{reply['id']}").json()
    assert (reply["added"], reply["failed"]) == ([kind], {})
    return client.get(f"/v1/articles/{kind}").json()


@TESSERACT_TEST
@pytest.mark.parametrize("kind", TYPES)
def test_words_that_ocr_read_are_marked_on_the_picture_of_their_page(client, service, kind):
    told = send(client, kind)
    number = len(told["pages"])
    lines = told["text"][told["pages"][-1]["start"] :].split()
    middle = len(lines) // 2
    words = " ".join(lines[middle + 1 : middle + 4])  # of the second line, amid it
    start = told["text"].index(words)
    span = {"start": start, "end": start + len(words)}
    (found,) = client.get(f"/v1/articles/{kind}/marks", params=span).json()["pages"]
    assert (found["number"], len(found["marks"]) > 0) == (number, True)
    left, top = (min(mark[side] for mark in found["marks"]) for side in ("left", "top"))
    right, bottom = (
        max(mark[side] + mark[size] for mark in found["marks"]) for side, size in (("left", "width"), ("top", "height"))
    )
    assert (TOP + 2 * SIZE) / HEIGHT - 0.02 < top < bottom < (TOP + 3.5 * SIZE) / HEIGHT + 0.02
    assert 0.1 < left < right < RIGHT / WIDTH
    picture = client.get(f"/v1/articles/{kind}/pages/{number}.png", params={"width": 400}).content
    shown = Image.open(io.BytesIO(picture)).convert("L")
    assert abs(shown.height / shown.width - HEIGHT / WIDTH) < 0.01
    box = (left * shown.width, top * shown.height, right * shown.width, bottom * shown.height)
    assert shown.crop(tuple(map(int, box))).getextrema()[0] < 128
    files = {path.suffix for path in service.assistant.settings.originals_folder.iterdir()}
    assert files == {".pdf", ".json"}
    assert client.delete(f"/v1/articles/{kind}").status_code < 300


def test_the_letters_of_a_word_share_its_width_from_where_it_begins(tmp_path):
    letters = list(_split_words([("سور", 0.2, 0.1, 0.3, 0.05), ("ab", 0.6, 0.1, 0.2, 0.05)]))
    assert [(one.text, round(one.left, 3)) for one in letters] == [
        ("س", 0.4), ("و", 0.3), ("ر", 0.2), (" ", 0.0), ("a", 0.6), ("b", 0.7), (" ", 0.0)
    ]  # fmt: skip
    text = article("في سور ab")
    found = {"words": letters, "glyphs": [], "chars": []}
    (mark,) = choose_marks(text, Span(0, 9), Span(3, 6), found)
    assert (round(mark.left, 3), round(mark.width, 3)) == (0.2, 0.3)


def test_words_are_kept_with_their_original_and_go_with_it(tmp_path):
    originals = Originals(tmp_path / "originals")
    original = OriginalFile(b"%PDF", json.dumps({"2": [["سور", 0.1, 0.2, 0.3, 0.4]]}).encode())
    assert original != OriginalFile(b"%PDF")
    list(originals.receive([article("نص", original=original)], set()))
    assert originals.find_words(str(original), 2) == [("سور", 0.1, 0.2, 0.3, 0.4)]
    assert originals.find_words(str(original), 1) == originals.find_words("0" * 40, 2) == []
    next((tmp_path / "originals").glob("*.json")).write_text("[")
    assert originals.find_words(str(original), 2) == []
    originals.remove([str(original)])
    assert originals.is_empty
