"""Which of the pinned packages have no wheel for a platform: `python deploy/platforms.py` (asks the package index).

Writes `platforms.json` beside this file: the versions that were looked up, and for each platform and Python those
without a wheel. Packages whose version is there already are not looked up again. A test compares it with
`requirements.txt`.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
TABLE, REQUIREMENTS = _HERE / "platforms.json", _HERE.parent / "requirements.txt"
PLATFORMS: dict[str, Sequence[str]] = {
    "linux-x86_64": [f"manylinux_2_{minor}_x86_64" for minor in range(5, 37)] + ["manylinux1_x86_64"],
    "linux-arm64": [f"manylinux_2_{minor}_aarch64" for minor in range(17, 37)],
    "macos-arm64": [f"macosx_{major}_0_arm64" for major in range(11, 15)],
}
"""As `pip --platform` has them. Linux: glibc 2.36 (Debian 12) and older; macOS 14 and older."""
LEGACY_TAGS = {
    "linux-x86_64": ["manylinux2010_x86_64", "manylinux2014_x86_64", "linux_x86_64"],
    "linux-arm64": ["manylinux2014_aarch64", "linux_aarch64"],
    "macos-arm64": ["macosx_10_9_universal2", "macosx_10_13_universal2", "macosx_11_0_universal2"],
}
PYTHONS = ("3.11", "3.12", "3.13")
_NOT_FOUND = re.compile(r"No matching distribution found for ([^=\s]+)==")


def read_pins() -> dict[str, str]:
    """The version of each package, by its name as the file has it; markers are left out."""
    lines = REQUIREMENTS.read_text("utf-8").splitlines()
    pins = (line.partition(";")[0].strip().split("==") for line in lines if line and not line.startswith("#"))
    return dict(pins)


def find_missing(pins: Mapping[str, str], platform: str, python: str) -> list[str]:
    """The packages without a wheel for a platform and a Python, one more each time that pip stops at one."""
    left, missing = dict(pins), []
    tags = [part for tag in (*PLATFORMS[platform], *LEGACY_TAGS[platform]) for part in ("--platform", tag)]
    while left:
        with tempfile.TemporaryDirectory() as target:
            options = ["--dry-run", "--quiet", "--ignore-installed", "--no-deps", "--only-binary=:all:", *tags]
            options += ["--python-version", python, "--implementation", "cp", "--target", target]
            names = [f"{name}=={version}" for name, version in left.items()]
            command = [sys.executable, "-m", "pip", "install", *options, *names]
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode == 0:
            break
        found = _NOT_FOUND.search(ran.stderr)
        if found is None:
            raise SystemExit(ran.stderr)
        missing.append(found[1])
        del left[found[1]]
    return sorted(missing)


def main() -> None:
    """Bring the table up to date."""
    table: dict[str, Any] = json.loads(TABLE.read_text("utf-8")) if TABLE.exists() else {"versions": {}, "missing": {}}
    pins = read_pins()
    known = {name for name, version in pins.items() if table["versions"].get(name) == version}
    new = {name: version for name, version in pins.items() if name not in known}
    missing = {}
    for platform in PLATFORMS:
        for python in PYTHONS:
            key = f"{platform} {python}"
            kept = [name for name in table["missing"].get(key, []) if name in known]
            missing[key] = sorted(kept + find_missing(new, platform, python))
            print(f"{key}: {', '.join(missing[key]) or 'all there'}", flush=True)
    TABLE.write_text(json.dumps({"versions": pins, "missing": missing}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
