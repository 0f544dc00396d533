"""What deployment files name is there: files, commands, settings, routes, ports and users. Nothing is started here; the
steps of the Dockerfile are by `deploy/dry_build.py`."""

import json
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from deploy.dry_build import read_dockerfile
from rag.settings import Settings
from tests.test_reference import parsers
from ui.api import AnswerService, create_app

ROOT = Path(__file__).parent.parent
CHART = ROOT / "deploy" / "helm" / "dalil"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
DOCKERFILE = list(read_dockerfile((ROOT / "Dockerfile").read_text("utf-8")))
UNIT = (ROOT / "deploy" / "systemd" / "dalil.service").read_text("utf-8")
VARIABLES = {f"DALIL_{name.upper()}" for name in Settings.model_fields}
OF_COMPOSE = {"DALIL_PUBLISH"}
"""Read by Compose alone."""


def rest_of(word):
    return [step.rest for step in DOCKERFILE if step.word == word]


def all_files():
    return [
        ROOT / "Dockerfile",
        ROOT / "compose.yaml",
        *(path for path in (ROOT / "deploy").rglob("*") if path.is_file()),
    ]


# All of them


def test_every_setting_that_is_named_is_one():
    for path in all_files():
        assert (
            set(re.findall(r"\bDALIL_[A-Z_]+\b", path.read_text("utf-8")))
            - VARIABLES
            - OF_COMPOSE
            - {"DALIL_IN_NAMESPACE"}
            == set()
        ), path


def test_the_port_is_that_of_the_settings_everywhere():
    port = str(Settings.model_fields["port"].default)
    assert rest_of("EXPOSE") == [port]
    for service in COMPOSE["services"].values():
        assert all(one.endswith(f":{port}") for one in service.get("ports", []))
    assert re.findall(r"containerPort: (\d+)", (CHART / "templates/deployment.yaml").read_text("utf-8")) == [port]


def test_the_routes_that_are_probed_are_there(assistant):
    paths = create_app(AnswerService(assistant)).openapi()["paths"]
    named = re.findall(r"httpGet: \{path: (\S+),", (CHART / "templates/deployment.yaml").read_text("utf-8"))
    named += re.findall(r"http://127\.0\.0\.1:7860(/\w+)", " ".join(rest_of("HEALTHCHECK")))
    assert named == ["/health", "/health", "/ready", "/health"]
    assert {*named} <= paths.keys()


@pytest.mark.parametrize("path", all_files(), ids=lambda path: path.name)
def test_the_commands_that_are_run_are_there(path):
    known = {name for name, _ in parsers()} | {name.rsplit(" ", 1)[0] for name, _ in parsers()}
    for line in path.read_text("utf-8").splitlines():
        for command in re.findall(r"(?:bin/|&& |build RUN )dalil ((?:[a-z]+ ?)+)", line):
            assert any(f"dalil {command}".strip().startswith(name) for name in known if name != "dalil"), command


# The image


def test_every_file_that_is_copied_is_there_and_not_ignored():
    patterns = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    for words in (rest.split() for rest in rest_of("COPY") if not rest.startswith("--from")):
        for name in words[:-1]:
            assert (ROOT / name).exists()
            assert f"!{name}" in patterns


def test_the_image_holds_every_package_of_the_project():
    include = re.search(r"include = (\[.*\])", (ROOT / "pyproject.toml").read_text("utf-8"))
    copied = " ".join(rest_of("COPY")).split()
    for pattern in json.loads(include[1]):
        assert any(fnmatch(name, pattern) for name in copied), pattern


def test_the_service_of_the_image_is_another_user_whose_models_are_made_before():
    assert rest_of("USER") == ["10001"]
    assert any("dalil model build" in rest and "XDG_CACHE_HOME=/opt/dalil/cache" in rest for rest in rest_of("RUN"))
    last = " ".join(rest_of("ENV")[-1:])
    assert "XDG_CACHE_HOME=/opt/dalil/cache" in last
    assert "DALIL_DATA_DIR=/data" in last
    assert rest_of("VOLUME") == ["/data"]


# Compose


def test_a_profile_starts_one_dalil_and_what_it_waits_for():
    services = COMPOSE["services"]
    for profile, others in {
        "alone": set(),
        "qdrant": {"qdrant"},
        "ollama": {"ollama", "ollama-model"},
        "full": {"qdrant", "ollama", "ollama-model"},
    }.items():
        started = {name for name, one in services.items() if profile in one["profiles"]}
        dalil = {name for name in started if name.startswith("dalil")}
        assert len(dalil) == 1
        assert started - dalil == others
        waited_for = {needed for name in started for needed in services[name].get("depends_on", {})}
        assert waited_for <= others


def test_what_is_started_by_compose_is_reached_by_this_machine_alone_and_writes_only_to_its_volume():
    for name, service in COMPOSE["services"].items():
        if not name.startswith("dalil"):
            assert "ports" not in service
            continue
        assert service["ports"] == ["${DALIL_PUBLISH:-127.0.0.1:7860}:7860"]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert [volume.split(":")[1] for volume in service["volumes"]] == ["/data"]
        assert {volume.split(":")[0] for volume in service["volumes"]} <= COMPOSE["volumes"].keys()


# Helm


def test_every_value_that_a_template_reads_has_a_default():
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    for path in (CHART / "templates").iterdir():
        for name in re.findall(r"\.Values\.([\w.]+)", path.read_text("utf-8")):
            found = values
            for part in name.split("."):
                assert part in found, f"{name} in {path.name}"
                found = found[part]


def test_the_chart_has_the_version_of_the_project():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.M)[1]
    assert (chart["version"], chart["appVersion"]) == (version, version)


def render(tmp_path, *values):
    """The objects that the chart makes, by kind; its dependency is an empty chart of that name."""
    helm = shutil.which("helm")
    if helm is None:
        pytest.skip("Helm is not installed")
    chart = tmp_path / "dalil"
    shutil.copytree(CHART, chart)
    (chart / "charts/qdrant").mkdir(parents=True)
    (chart / "charts/qdrant/Chart.yaml").write_text("apiVersion: v2\nname: qdrant\nversion: 1.19.0\n", "utf-8")
    command = [helm, "template", "r", str(chart), *(word for value in values for word in ("--set", value))]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return {one["kind"]: one for one in yaml.safe_load_all(ran.stdout) if one} if ran.returncode == 0 else ran.stderr


def test_one_replica_keeps_its_index_on_a_volume_and_is_replaced_only_once_it_has_ended(tmp_path):
    made = render(tmp_path, "secret.values.DALIL_API_KEYS=k")
    assert made.keys() == {"NetworkPolicy", "Secret", "PersistentVolumeClaim", "Service", "Deployment"}
    assert made["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}


def test_several_replicas_share_a_qdrant_server_and_are_replaced_one_by_one(tmp_path):
    made = render(
        tmp_path, "secret.name=s", "qdrant.enabled=true", "autoscaling.enabled=true", "persistence.enabled=false"
    )
    assert {"HorizontalPodAutoscaler", "PodDisruptionBudget"} <= made.keys()
    environment = made["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "DALIL_QDRANT_URL", "value": "http://r-qdrant:6333"} in environment


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["secret.name=s", "replicas=2"], "need a Qdrant server"),
        (["secret.name=s", "replicas=2", "qdrantUrl=http://q:6333"], "ReadWriteMany"),
        ([], "Nobody could come in"),
    ],
)  # fmt: skip
def test_the_chart_refuses_what_cannot_work(tmp_path, values, message):
    assert message in render(tmp_path, *values)
