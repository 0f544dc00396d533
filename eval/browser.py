"""A browser without a window, for what is measured or pictured on the page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def open_browser() -> Iterator["Browser"]:
    """The system's Chromium, driven by Playwright; ends the program where there is none."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, _NAMES)), None)
    if chromium is None:
        raise SystemExit("There is no Chromium here: install the package chromium.")
    with sync_playwright() as driver, driver.chromium.launch(executable_path=chromium, args=_FLAGS) as browser:
        yield browser
