"""What the page is made of, packed once for all starts."""

import gzip
from pathlib import Path

import pytest

from ui.page.packing import pack_once

CONTENT = "رصيف".encode() * 100


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dalil" / "page"


class Counted:
    """Packs, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, content: bytes) -> bytes:
        self.calls += 1
        return gzip.compress(content)


def test_a_content_is_packed_once_each_way(cache):
    pack = Counted()
    packed = {pack_once("gzip-9", CONTENT, pack) for _ in range(3)}
    assert [gzip.decompress(one) for one in packed] == [CONTENT]
    assert pack.calls == 1
    pack_once("gzip-1", CONTENT, pack)
    pack_once("gzip-9", CONTENT + b"x", pack)
    assert pack.calls == len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("spoil", [lambda kept: kept[:-1], lambda kept: b"", lambda kept: kept[:40] + b"x" + kept[41:]])
def test_what_was_spoilt_is_packed_anew(cache, spoil):
    pack = Counted()
    pack_once("gzip-9", CONTENT, pack)
    (file,) = cache.iterdir()
    file.write_bytes(spoil(file.read_bytes()))
    assert gzip.decompress(pack_once("gzip-9", CONTENT, pack)) == CONTENT
    assert gzip.decompress(pack_once("gzip-9", CONTENT, pack)) == CONTENT
    assert pack.calls == 2


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    pack = Counted()
    assert gzip.decompress(pack_once("gzip-9", CONTENT, pack)) == CONTENT
    assert pack.calls == 1
