"""The addresses within the page: what stands behind its `#`, which never leaves the browser."""

from urllib.parse import urlencode


def article_address(article_id: str, start: int = 0, end: int = 0) -> str:
    """What opens an article, at the code points `start` to `end` of its text where there are some."""
    place = {"start": start, "end": end} if end > start else {}
    return "#" + urlencode({"article": article_id} | place)
