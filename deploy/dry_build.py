"""Run the steps of the Dockerfile where no container engine is: `sudo python deploy/dry_build.py FOLDER` (Linux).

Each stage is a layer over the root of this machine, in which its steps run as they stand, with the Python that runs
this in place of the base image's. Then the service is started as the image would: as its user, with everything
read-only but its volume and /tmp, and without a network, and asked about an article. Printed are the bytes that each
step added, the seconds until the service was ready, and its answer. What the base images hold is not looked at.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_ROOT = Path(__file__).resolve().parent.parent
_READY_WITHIN_S = 120
_READY = "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/ready', timeout=2)"
_ASK = """
import json
from urllib.request import Request, urlopen

def post(path, kind, body):
    request = Request("http://127.0.0.1:7860" + path, body.encode(), {"content-type": kind})
    return json.load(urlopen(request, timeout=30))

post("/v1/articles?name=pier", "text/plain", "The pier of Sidi Bishr was opened in 1934. It is 120 metres long.")
print(post("/v1/ask", "application/json", json.dumps({"question": "When was the pier of Sidi Bishr opened?"}))["text"])
"""


class Step(NamedTuple):
    """One instruction of a Dockerfile."""

    word: str
    rest: str


def read_dockerfile(text: str) -> Iterator[Step]:
    """The instructions, each on one line, without comments."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in lines.replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield Step(word.upper(), " ".join(rest.split()))


class Stage:
    """A layer over the root of this machine.

    Parameters
    ----------
    folder : Path
        Where it lies; made anew.
    """

    def __init__(self, folder: Path) -> None:
        self.upper, self.root, self._log = folder / "upper", folder / "root", folder / "steps.log"
        for path in (self.upper, folder / "work", self.root):
            path.mkdir(parents=True)
        options = f"lowerdir=/,upperdir={self.upper},workdir={folder / 'work'}"
        _run(["mount", "-t", "overlay", "overlay", "-o", options, str(self.root)])
        _run(["mount", "--bind", "/dev", str(self.root / "dev")])
        _run(["mount", "-t", "proc", "proc", str(self.root / "proc")])
        for parent in Path(sys.executable).resolve().parents:  # another user is to run this Python
            inside = self.root / parent.relative_to("/")
            inside.chmod(inside.stat().st_mode | 0o055)
        self.environment = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_"))}
        self.environment["PATH"] = f"{Path(sys.executable).resolve().parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        self.folder, self.user, self.entry, self.command = "/", "0", [""], [""]

    def size(self) -> int:
        """Bytes of the files that its steps added, as `du` counts them."""
        found = subprocess.run(["du", "-sxb", str(self.upper)], check=True, capture_output=True, text=True)
        return int(found.stdout.split()[0])

    def run(self, step: Step, stages: dict[str, "Stage"]) -> None:
        """Do what an instruction says; one that only describes the image does nothing."""
        if step.word == "RUN":
            self._chroot(["sh", "-euc", step.rest])
        elif step.word == "ENV":
            values = dict(part.split("=", 1) for part in shlex.split(step.rest))
            old = self.environment
            self.environment = old | {name: value.replace("$PATH", old["PATH"]) for name, value in values.items()}
        elif step.word == "WORKDIR":
            self.folder = step.rest
            (self.root / step.rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif step.word == "COPY":
            self._copy(step.rest.split(), stages)
        elif step.word == "USER":
            self.user = step.rest
        elif step.word == "ENTRYPOINT":
            self.entry = json.loads(step.rest)
        elif step.word == "CMD":
            self.command = json.loads(step.rest)

    def start(self) -> None:
        """Start the service without a network, its root read-only, and ask it."""
        for path in ("tmp", "data"):
            _run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(self.root / path)])
        _run(["mount", "-o", "remount,ro,bind", str(self.root)])
        inside = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", *self.entry]
        script = f"ip link set lo up; exec {shlex.join([*inside, *self.command])} & echo $! >&3; wait"
        environment = self.environment | {"DALIL_OPEN_ACCESS": "true"}
        read_end, write_end = os.pipe()
        started = time.monotonic()
        command = ["unshare", "--net", "chroot", str(self.root), "sh", "-c", script.replace(">&3", f">&{write_end}")]
        with subprocess.Popen(command, env=environment, pass_fds=[write_end]) as process:
            service = os.read(read_end, 20).decode().strip()
            try:
                self._wait_until_ready(service)
                print(f"ready after {time.monotonic() - started:.1f} s", flush=True)
                print(self._ask(service, _ASK).stdout)
            finally:
                os.kill(int(service), 15)
                process.wait()

    def _wait_until_ready(self, service: str) -> None:
        until = time.monotonic() + _READY_WITHIN_S
        while self._ask(service, _READY).returncode:
            if time.monotonic() > until:
                raise SystemExit("The service was not ready in time.")
            time.sleep(0.1)

    def _ask(self, service: str, program: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program beside the service."""
        command = ["nsenter", "--net", "-t", service, "chroot", str(self.root), "python", "-c", program]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def _chroot(self, command: list[str]) -> None:
        inside = ["chroot", str(self.root), "env", "-C", self.folder, *command]
        with self._log.open("ab") as log:
            subprocess.run(inside, check=True, env=self.environment, stdout=log, stderr=log)

    def _copy(self, words: list[str], stages: dict[str, "Stage"]) -> None:
        source = _ROOT
        if words[0].startswith("--from="):
            source = stages[words.pop(0).removeprefix("--from=")].root
        *names, target = words
        to = self.root / (target if target.startswith("/") else f"{self.folder}/{target}").lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        for name in names:
            _run(["cp", "-a", "--no-target-directory" if (source / name.lstrip("/")).is_dir() else "-a",
                  str(source / name.lstrip("/")), str(to)])  # fmt: skip


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)


def build(folder: Path) -> None:
    """Run all steps, then start the service; prints what they took."""
    stages: dict[str, Stage] = {}
    stage = None
    for step in read_dockerfile((_ROOT / "Dockerfile").read_text("utf-8")):
        if step.word == "FROM":
            name = re.sub(r".* AS ", "", step.rest) if " AS " in step.rest else "image"
            stage = stages[name] = Stage(folder / name)
            print(f"{step.word} {step.rest}", flush=True)
            continue
        assert stage is not None
        before, started = stage.size(), time.monotonic()
        stage.run(step, stages)
        added, seconds = (stage.size() - before) / 1e6, time.monotonic() - started
        print(f"{added:8.1f} MB {seconds:6.1f} s  {step.word} {step.rest[:70]}", flush=True)
    assert stage is not None
    print(f"{stage.size() / 1e6:8.1f} MB in all over the base image", flush=True)
    stage.start()


if __name__ == "__main__":
    if os.environ.get("DALIL_IN_NAMESPACE") != "1":  # mounts end with the process
        arguments = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv]
        os.execvpe("unshare", arguments, os.environ | {"DALIL_IN_NAMESPACE": "1"})
    build(Path(sys.argv[1]).resolve())
