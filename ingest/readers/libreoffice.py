"""LibreOffice, called as a program for what no library reads: in a profile of its own, with limits, without macros."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from ingest.reasons import reason
from rag.errors import ReadError

_PROGRAM_VARIABLE, _PROGRAM = "DALIL_SOFFICE", "soffice"
_SECONDS = 45.0
"""Of a conversion, which takes 10 to 19 s on two busy cores; whoever waits for a file gives it up after 55."""
_LIMITS = 'ulimit -t 60 -v 6000000 -c 0; exec "$0" "$@"'
"""Seconds of a processor and kB of addresses, also of what outlives a reader that was ended."""
_FILTER = "docx:MS Word 2007 XML"
_SETTINGS = (
    # No macros whatever the document is signed by, and nothing is fetched that it links to.
    ("Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Common/Misc", "FirstRun", "false"),
    ("Writer/Content/Update", "Link", "0"),
)
_PROXY = "http://127.0.0.1:9"
"""Where nothing answers: what is fetched all the same comes to nothing."""
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">{items}</oor:items>
"""
_ITEM = (
    '<item oor:path="/org.openoffice.Office.{path}"><prop oor:name="{name}" oor:op="fuse">'
    "<value>{value}</value></prop></item>"
)


def find_libreoffice() -> str | None:
    """Where LibreOffice is: as `DALIL_SOFFICE` says, or on the PATH; None where it is not."""
    return shutil.which(os.environ.get(_PROGRAM_VARIABLE) or _PROGRAM)


def convert_to_word(content: bytes) -> bytes:
    """A document as .docx.

    Parameters
    ----------
    content : bytes
        Of a document that LibreOffice reads.

    Raises
    ------
    ReadError
        When LibreOffice is not there, or cannot read the document in its time.
    """
    program = find_libreoffice()
    if program is None:
        raise ReadError(reason("old_word_missing"))
    with tempfile.TemporaryDirectory(prefix="dalil-office-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source = folder / "document.doc"
        source.write_bytes(content)
        _write_profile(folder / "profile")
        _run(program, folder, source)
        try:
            return source.with_suffix(".docx").read_bytes()
        except OSError:
            raise ReadError(reason("old_word_damaged")) from None


def _write_profile(profile: Path) -> None:
    items = "".join(_ITEM.format(path=path, name=name, value=value) for path, name, value in _SETTINGS)
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_PROFILE.format(items=items), "utf-8")


def _run(program: str, folder: Path, source: Path) -> None:
    options = ["--headless", "--norestore", "--nolockcheck", f"-env:UserInstallation={(folder / 'profile').as_uri()}"]
    command = [program, *options, "--convert-to", _FILTER, "--outdir", str(folder), str(source)]
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _PROXY)
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _LIMITS, *command],
            cwd=folder,
            env=os.environ | proxies | {"HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that all that it starts is ended with it
        )
    except OSError:
        raise ReadError(reason("old_word_missing")) from None
    try:
        process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        raise ReadError(reason("old_word_time", seconds=_SECONDS)) from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
