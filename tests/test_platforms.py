"""Every pinned package can be installed on each platform. `python deploy/platforms.py` makes the table of wheels."""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deploy.platforms import PLATFORMS, PYTHONS, REQUIREMENTS, TABLE, read_pins

ROOT = Path(__file__).parent.parent
FACTS = json.loads(TABLE.read_text("utf-8"))
MARKERS = {
    "linux-x86_64": {"sys_platform": "linux", "platform_machine": "x86_64"},
    "linux-arm64": {"sys_platform": "linux", "platform_machine": "aarch64"},
    "macos-arm64": {"sys_platform": "darwin", "platform_machine": "arm64"},
}


def list_installed(platform, python):
    """The requirements whose markers hold on a platform and a Python."""
    lines = [line for line in REQUIREMENTS.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    environment = MARKERS[platform] | {"python_version": python, "python_full_version": f"{python}.0"}
    wanted = map(Requirement, lines)
    return {one.name for one in wanted if one.marker is None or one.marker.evaluate(environment)}


def test_the_table_is_of_the_pinned_versions():
    remedy = "run `python deploy/platforms.py`, which looks up what is new"
    assert FACTS["versions"] == read_pins(), remedy


@pytest.mark.parametrize(("platform", "python"), [*product(PLATFORMS, PYTHONS)])
def test_all_that_is_installed_has_a_wheel(platform, python):
    assert list_installed(platform, python) & {*FACTS["missing"][f"{platform} {python}"]} == set()


def test_a_marker_leaves_out_nothing_that_can_be_had():
    everything = {*read_pins()}
    for platform, python in product(PLATFORMS, PYTHONS):
        left_out = everything - list_installed(platform, python)
        assert left_out <= {"ir_measures", "pytrec_eval-terrier"}
        assert bool(left_out) == bool(FACTS["missing"][f"{platform} {python}"])


def test_measuring_without_its_package_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "ir_measures.py").write_text("raise ModuleNotFoundError(name=__name__)", "utf-8")
    environment = os.environ | {
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "DALIL_DATA_DIR": str(tmp_path / "index"),
    }
    command = [sys.executable, "-m", "ui.cli", "eval", "gate"]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "needs the package ir_measures" in ran.stderr
    assert "Traceback" not in ran.stderr
