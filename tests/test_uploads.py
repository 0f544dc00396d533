"""Folders of uploads: removed with their process, or by the next server after a kill."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from tests.doubles import closed_port
from tests.forked import Forked
from ui.page.uploads import UploadFolder, remove_abandoned_uploads

ROOT = Path(__file__).parent.parent
HOLDER = """
import sys, time
from pathlib import Path
from ui.page.uploads import UploadFolder
folder = UploadFolder(Path(sys.argv[1]))
(folder.files / "sent").write_text("x")
print(folder.files, flush=True)
if len(sys.argv) < 3:
    time.sleep(600)
"""


@contextmanager
def hold_folder(parent: Path):
    """A process that holds a folder of uploads below `parent`, and that folder's files."""
    command = [sys.executable, "-c", HOLDER, str(parent)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_what_a_killed_server_left_is_removed_and_what_a_live_one_holds_stays(tmp_path):
    with hold_folder(tmp_path) as (killed, left), hold_folder(tmp_path) as (_, held):
        killed.kill()
        killed.wait()
        assert left.exists()
        remove_abandoned_uploads(tmp_path)
        assert (held / "sent").exists()
        assert list(tmp_path.iterdir()) == [held.parent]


def test_a_process_that_ends_takes_its_folder_along(tmp_path):
    subprocess.run(
        [sys.executable, "-c", HOLDER, str(tmp_path), "end"], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True
    )
    assert list(tmp_path.iterdir()) == []


def test_its_own_folder_stays_until_it_is_closed(tmp_path):
    folder = UploadFolder(tmp_path)
    remove_abandoned_uploads(tmp_path)
    assert folder.files.is_dir()
    assert folder.files.parent.stat().st_mode & 0o077 == 0
    folder.close()
    assert list(tmp_path.iterdir()) == []


def test_what_no_server_of_this_kind_made_stays(tmp_path):
    """A folder of an earlier version has no lock, and its server may live; a link may lead anywhere."""
    (tmp_path / "elsewhere").mkdir()
    FileLock(tmp_path / "elsewhere" / "server.lock").acquire().lock.release()
    (tmp_path / "dalil-uploads-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "dalil-uploads-old").mkdir()
    (tmp_path / "dalil-uploads-file").write_text("x")
    before = set(tmp_path.rglob("*"))
    remove_abandoned_uploads(tmp_path)
    assert set(tmp_path.rglob("*")) == before


def test_the_next_serve_removes_what_a_killed_one_left(tmp_path):
    environment = os.environ | {
        "DALIL_DATA_DIR": str(tmp_path / "data"),
        "TMPDIR": str(tmp_path / "temporary"),
        "PYTHONPATH": str(ROOT),
    }
    (tmp_path / "temporary").mkdir()
    folders = []
    for end in (signal.SIGKILL, signal.SIGTERM):
        serve = ("serve", "--port", str(closed_port()))
        with Forked(*serve, environment=environment, stdout=subprocess.PIPE) as process:
            assert "http://" in process.stdout.readline()
            folders.append(list((tmp_path / "temporary").glob("dalil-uploads-*")))
            process.send_signal(end)
    assert [len(found) for found in folders] == [1, 1]
    assert folders[0] != folders[1]
    assert list((tmp_path / "temporary").glob("dalil-uploads-*")) == []
