"""Pages of a PDF over HTTP: pictures, and rectangles over the words that a citation quotes."""

import io
import re
from collections.abc import Iterator

import pypdfium2 as pdfium
import pytest
from PIL import Image

from ingest import page_images
from ingest.page_images import PageImages
from ingest.pdf.marks import Letter, find_marks
from ingest.pdf.page_letters import read_page_letters
from rag.errors import ReadError
from rag.settings import load_settings
from rag.types import Span
from tests.doubles import local_client, open_assistant
from tests.pdf_files import HEIGHT, WIDTH, make_pdf
from tests.test_pdf import arabic
from ui.api import AnswerService, create_app

FIRST = "افتتحت جامعة الفرات مختبر الكيمياء في المدينة القديمة عام 1987."
SECOND = "وبلغت كلفة برج الساعة أربعة ملايين دينار دفعتها البلدية من ميزانيتها"
THIRD = "وصار برج الساعة رمزا للمدينة كلها بعد أعوام."
FILE = make_pdf([[arabic(700, FIRST)], [arabic(700, SECOND), arabic(684, THIRD)]], labels="0 << /S /r >>")
PDF = {"Content-Type": "application/pdf"}
TOLERANCE = 0.02


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnswerService]:
    with open_assistant(load_settings({}, data_dir=tmp_path_factory.mktemp("pages"))) as opened:
        service = AnswerService(opened)
        client = local_client(create_app(service))
        assert client.post("/v1/articles", params={"name": "a/b"}, content=FILE, headers=PDF).status_code == 201
        assert client.post("/v1/articles", params={"name": "text"}, content="نص بلا صفحات.".encode(),
                           headers={"Content-Type": "text/plain"}).status_code == 201  # fmt: skip
        yield service


@pytest.fixture
def client(service):
    return local_client(create_app(service))


def right_of(mark):
    return mark["left"] + mark["width"]


def place_of(size, y):
    """Where the middle of a line stands that is drawn at `y`, in shares of the page from the top."""
    return (HEIGHT - y - 0.3 * size) / HEIGHT


def test_a_page_is_a_picture_of_the_width_that_is_asked_for(client):
    response = client.get("/v1/articles/a/b/pages/2.png", params={"width": 300})
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    picture = Image.open(io.BytesIO(response.content))
    assert (picture.width, abs(picture.height - 300 * HEIGHT / WIDTH) <= 1) == (300, True)


def test_a_page_is_asked_for_once(client, service, monkeypatch):
    first = client.get("/v1/articles/a/b/pages/1.png", params={"width": 200})
    tag = first.headers["etag"]
    monkeypatch.setattr(page_images, "run_step", lambda *_: pytest.fail("it is remembered"))
    assert client.get("/v1/articles/a/b/pages/1.png", params={"width": 200}).content == first.content
    again = client.get("/v1/articles/a/b/pages/1.png", params={"width": 200}, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("a/b/pages/3.png", 404, "no page 3 .* 2"),
        ("text/pages/1.png", 404, "no document"),
        ("gone/pages/1.png", 404, "no article"),
        ("a/b/pages/0.png", 422, "number"),
        ("a/b/pages/1.png?width=99", 422, "width"),
        ("a/b/pages/1.png?width=2001", 422, "width"),
        ("text/marks?start=0&end=2", 200, ""),
        ("a/b/marks?start=5&end=5", 400, "in order"),
        ("a/b/marks?start=0&end=100000", 400, "length"),
        ("a/b/marks?start=0", 422, "end"),
    ],
)
def test_what_cannot_be_shown_says_why(client, path, status, says):
    response = client.get(f"/v1/articles/{path}")
    assert response.status_code == status
    if status != 200:
        assert re.search(says, response.json()["error"]["message"])


def test_the_words_of_a_citation_have_rectangles_on_each_of_their_pages(client):
    text = client.get("/v1/articles/a/b").json()["text"]
    start, end = text.index("القديمة عام 1987"), text.index("كلفة برج") + len("كلفة برج")
    found = client.get("/v1/articles/a/b/marks", params={"start": start, "end": end}).json()
    assert (found["id"], found["start"], found["end"]) == ("a/b", start, end)
    first, second = found["pages"]
    assert [(one["number"], one["label"], len(one["marks"])) for one in (first, second)] == [(1, "i", 1), (2, "ii", 1)]
    (mark,) = second["marks"]
    width = 12 * 0.5 / WIDTH  # of a character
    assert right_of(mark) == pytest.approx(540 / WIDTH, abs=TOLERANCE)
    assert mark["width"] == pytest.approx(len("وبلغت كلفة برج") * width, abs=TOLERANCE)
    assert mark["top"] < place_of(12, 700) < mark["top"] + mark["height"]
    (mark,) = first["marks"]
    assert mark["left"] == pytest.approx(540 / WIDTH - len(FIRST) * width, abs=TOLERANCE)


def test_of_words_that_stand_there_twice_those_are_marked_that_were_cited(client):
    text = client.get("/v1/articles/a/b").json()["text"]
    for at, y in ((text.index("برج الساعة"), 700), (text.rindex("برج الساعة"), 684)):
        found = client.get("/v1/articles/a/b/marks", params={"start": at, "end": at + 10}).json()
        (mark,) = found["pages"][0]["marks"]
        assert mark["top"] < place_of(12, y) < mark["top"] + mark["height"]


def read_changed(folder, change):
    """The letters of the first page as it is after a change of it."""
    document = pdfium.PdfDocument(FILE)
    change(document[0])
    document.save(folder / "changed.pdf")
    return read_page_letters(str(folder / "changed.pdf"), [1], None)[0]


def test_letters_of_a_page_that_is_cropped_or_turned_stand_where_it_shows_them(tmp_path):
    cropped = read_changed(tmp_path, lambda page: page.set_cropbox(100, 200, 595, 842))
    for way in ("glyphs", "chars"):
        rightmost = max((Letter(*one) for one in cropped[way]), key=lambda one: one.left)
        assert rightmost.left + rightmost.width == pytest.approx((540 - 100) / 495, abs=TOLERANCE)
        assert rightmost.top < (842 - 704) / 642 < rightmost.top + rightmost.height
    turned = read_changed(tmp_path, lambda page: page.set_rotation(90))  # its lines are not level: glyphs do not do
    assert (turned["glyphs"], turned["width"]) == ([], HEIGHT)
    lowest = max((Letter(*one) for one in turned["chars"]), key=lambda one: one.top)
    assert lowest.top + lowest.height == pytest.approx(540 / WIDTH, abs=TOLERANCE)


def letters_of(*lines):
    """Letters of lines as they are read, each a hundredth of the page wide and a tenth high."""
    found = []
    for row, line in enumerate(lines):
        found += [Letter(char, 0.9 - 0.01 * at, 0.1 * row, 0.01, 0.1) for at, char in enumerate(line)]
        found.append(Letter(" ", 0, 0, 0, 0))
    return found


def test_words_are_found_however_they_are_spelled_and_parted():
    text = "قال: «بَلَغَتِ الكلفةُ ١٬٢٠٠»."
    (mark,) = find_marks(text, Span(5, len(text)), letters_of("قال بلغت ال كلفه 1,200 اليوم"))
    assert mark == pytest.approx((0.9 - 0.01 * 21, 0, 0.18, 0.1))


def test_words_that_are_not_there_have_no_marks():
    letters = letters_of("وبلغت كلفة برج الساعة")
    assert find_marks("لا شيء من هذا هنا", Span(0, 17), letters) == []
    assert find_marks("...", Span(0, 3), letters) == []


def test_most_of_the_words_are_enough():
    text = "وبلغت كلفة ص برج الساعة أربعة ملايين"
    marks = find_marks(text, Span(0, len(text)), letters_of("وبلغت كلفة برج الساعة", "أربعة ملايين"))
    assert len(marks) == 2


def test_a_mark_is_parted_by_words_that_are_not_meant_and_by_nothing_else():
    wide = [one._replace(left=one.left - (0.2 if at > 5 else 0)) for at, one in enumerate(letters_of("وبلغت كلفة برج"))]
    assert len(find_marks("وبلغت كلفة", Span(0, 10), wide)) == 1
    # A number is read the other way: of "اب 12" the letters and "1" are meant, and "2" stands between them.
    number = [Letter(char, left, 0, 0.01, 0.1) for char, left in (("ا", 0.3), ("ب", 0.29), ("1", 0.1), ("2", 0.11))]
    assert [mark.left for mark in find_marks("اب 12", Span(0, 4), number)] == [0.1, 0.29]


def test_a_document_that_cannot_be_drawn_is_no_fault_of_the_service(service, monkeypatch):
    monkeypatch.setattr(page_images, "_SECONDS", 0.01)
    article = service.assistant.store.get_article("a/b")
    fresh = PageImages(service.pages._originals)
    with pytest.raises(ReadError, match="time or memory"):
        fresh.draw(article, 1)
