"""Pages that are spoilt as scanners spoil them, to measure OCR on."""

import json

import numpy as np
import pytest
from PIL import Image

from eval.make_scans import SPOILINGS, make_scans, spoil
from tests.browser import CHROMIUM
from tests.doubles import article

SEED = 1


def page():
    drawn = np.full((80, 60), 255, np.uint8)
    drawn[30:50, 10:50] = 0
    return Image.fromarray(drawn)


def width_of(path):
    with Image.open(path) as picture:
        return picture.width


@pytest.mark.parametrize("spoiling", SPOILINGS, ids=lambda one: one.name)
def test_a_page_is_spoilt_the_same_way_each_time(spoiling):
    first, second = (np.asarray(spoil(page(), spoiling, np.random.default_rng(SEED))) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.shape == (80, 60)
    assert np.array_equal(first, np.asarray(page())) == (spoiling.name == "clean")


def test_a_faint_page_has_less_contrast():
    _, office, poor = (np.asarray(spoil(page(), one, np.random.default_rng(SEED)), float) for one in SPOILINGS)
    ink = (slice(35, 45), slice(20, 40))
    assert office[ink].mean() + 30 < poor[ink].mean()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_each_page_has_its_text_beside_it(tmp_path):
    assert make_scans([article("السطر الأول هنا.\n\nوالثاني بعده.", "a", "عنوان")], tmp_path) == len(SPOILINGS)
    assert sorted(path.name for path in tmp_path.glob("*.jpg")) == ["a-clean.jpg", "a-office.jpg", "a-poor.jpg"]
    truth = json.loads((tmp_path / "truth" / "a.json").read_text("utf-8"))
    assert truth == {"title": "عنوان", "text": "عنوان\n\nالسطر الأول هنا.\n\nوالثاني بعده."}
    assert (width_of(tmp_path / "a-clean.jpg"), width_of(tmp_path / "a-poor.jpg")) == (2481, 1241)  # A4
