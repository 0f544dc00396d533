"""The reference says what the code does: each table is compared with what it describes."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rag
from ui.api import AnswerService, create_app
from ui.api.errors import STATUSES
from ui.cli.main import build_parser

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
NOT_IN_SCHEMA = {"GET /metrics": "Counts and times for Prometheus"}
"""Its format is Prometheus' own."""


def table(document, first):
    """The rows of the table in a document whose first column is headed so, without its head."""
    lines = (DOCS / "reference" / f"{document}.md").read_text("utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {first} |")) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append(line)
    return rows


def parsers(parser=None, name="dalil"):
    """Every command with its parser."""
    parser = parser or build_parser()
    subparsers = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not subparsers:
        yield name, parser
    for choices in subparsers:
        for command, below in choices.choices.items():
            yield from parsers(below, f"{name} {command}")


def cli_rows():
    """The document of the command line, as the parsers have it."""
    for name, parser in parsers():
        yield from (f"## `{name}`", "", parser.description, "", "| argument | meaning |", "|---|---|")
        for action in parser._actions:
            if not isinstance(action, argparse._HelpAction):
                yield f"| `{_usage(action)}` | {action.help} |"
        yield ""


def _usage(action):
    """An argument as argparse shows it."""
    if not action.option_strings:
        return action.metavar
    value = action.metavar or (f"{{{','.join(action.choices)}}}" if action.choices else action.dest.upper())
    return ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {value}")


def python_rows():
    """The names that `rag` exports, with the first line of what each says of itself."""
    yield from ("| name | what it is |", "|---|---|")
    for name in rag.__all__:
        summary = " ".join(getattr(rag, name).__doc__.split("\n\n")[0].split())
        yield f"| `rag.{name}` | {summary} |"


def test_the_command_line_is_described_as_it_is():
    document = (DOCS / "reference" / "cli.md").read_text("utf-8")
    assert document.rstrip().endswith("\n".join(cli_rows()).rstrip())


def test_the_exports_of_rag_are_described_as_they_are():
    document = (DOCS / "reference" / "python.md").read_text("utf-8")
    assert "\n".join(python_rows()) in document


def test_every_route_is_in_the_table(assistant):
    paths = create_app(AnswerService(assistant)).openapi()["paths"]
    routes = {
        f"{method.upper()} {path}": one["summary"] for path, methods in paths.items() for method, one in methods.items()
    }
    expected = {f"| `{route}` | {summary} |" for route, summary in (routes | NOT_IN_SCHEMA).items()}
    assert set(table("http", "request")) == expected


def test_every_error_is_in_the_table():
    by_middleware = {
        (401, "invalid_api_key"), (403, "cross_site"), (403, "not_allowed"), (405, "method_not_allowed"),
        (408, "body_too_slow"), (413, "body_too_large"), (421, "unknown_host"), (429, "rate_limited"),
        (429, "too_many_keys"), (500, "internal"), (503, "sessions_unavailable"),
    }  # fmt: skip
    expected = {(status.http, status.code) for status in STATUSES.values()} | by_middleware
    assert table("http", "status") == [f"| {status} | `{code}` |" for status, code in sorted(expected)]


# The papers


def papers():
    return [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]


@pytest.mark.parametrize("paper", papers(), ids=lambda paper: str(paper.relative_to(ROOT)))
def test_what_a_paper_links_to_is_there(paper):
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", paper.read_text("utf-8")):
        if not link.startswith("http"):
            assert (paper.parent / link).exists(), link


def test_the_modules_that_papers_name_are_there():
    for paper in papers():
        for path in re.findall(r"`((?:rag|ingest|ui|eval|prompts|tests)/[\w/.-]+)`", paper.read_text("utf-8")):
            assert (ROOT / path).exists(), f"{path} in {paper.name}"


def test_the_tests_that_papers_name_are_there():
    source = "".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    known = set(re.findall(r"^def (test_\w+)\(", source, re.MULTILINE))
    for paper in papers():
        named = set(re.findall(r"`(test_\w+)`", paper.read_text("utf-8")))
        assert named - known == set(), paper.name


def test_each_client_has_a_command_whose_tests_are_there():
    rows = table("clients", "client")
    commands = [re.search(r"`\.venv/bin/python -m pytest ((?:tests/\w+\.py ?)+)`", row) for row in rows]
    assert len(rows) > 10
    assert all(commands), rows
    assert all((ROOT / path).exists() for command in commands for path in command[1].split())


def blocks(paper, kind):
    return re.findall(rf"```{kind}\n(.*?)```", paper.read_text("utf-8"), re.DOTALL)


def test_the_tutorial_runs_as_it_stands(tmp_path):
    binary = tmp_path / ".venv" / "bin"
    binary.mkdir(parents=True)
    (binary / "dalil").write_text(f'#!/bin/sh\nexec {sys.executable} -m ui.cli "$@"\n', "utf-8")
    (binary / "dalil").chmod(0o755)
    script = "\n".join(blocks(DOCS / "tutorial.md", "sh"))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        ["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    for line in "".join(blocks(DOCS / "tutorial.md", "text")).splitlines():
        assert line in ran.stdout
