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
from tests.helm_charts import Chart, ChartError
from tests.test_reference import parsers
from ui.api import AnswerService, create_app
from ui.serve import _LLM_GRACE_S, _SHUTDOWN_S

ROOT = Path(__file__).parent.parent
CHART = ROOT / "deploy" / "helm" / "dalil"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
DOCKERFILE = list(read_dockerfile((ROOT / "Dockerfile").read_text("utf-8")))
UNIT = (ROOT / "deploy" / "systemd" / "dalil.service").read_text("utf-8")
VARIABLES = {f"DALIL_{name.upper()}" for name in Settings.model_fields}
HELM = shutil.which("helm")
OF_COMPOSE = {"DALIL_PUBLISH"}
"""Read by Compose alone."""


def rest_of(word):
    return [step.rest for step in DOCKERFILE if step.word == word]


def all_files():
    return [
        ROOT / "Dockerfile",
        ROOT / "compose.yaml",
        *(path for path in (ROOT / "deploy").rglob("*") if path.is_file() and path.suffix != ".pyc"),
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


# The service of the system


def test_the_unit_may_write_where_the_documentation_puts_the_audit_log():
    places = {"State": "/var/lib", "Cache": "/var/cache", "Logs": "/var/log"}
    writable = {f"{places[kind]}/{name}" for kind, name in re.findall(r"^(\w+)Directory=(\w+)$", UNIT, re.MULTILINE)}
    [folder] = re.findall(r"DALIL_AUDIT_FILE=(/\S+)/", (ROOT / "docs/how-to/deploy.md").read_text("utf-8"))
    assert folder in writable


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


def test_no_image_of_that_name_is_looked_for_in_a_registry():
    policies = {one["pull_policy"] for one in COMPOSE["services"].values() if one["image"] == "dalil"}
    assert policies == {"build", "never"}


def test_the_folder_that_is_ingested_may_be_named_by_any_path():
    """`path/to/folder:/articles` is a volume of that name."""
    assert COMPOSE["services"]["ingest"]["volumes"] == [
        {"type": "bind", "source": "${ARTICLES:-./articles}", "target": "/articles", "read_only": True}
    ]


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


def read_values(*values):
    """Values as `--set` has them."""
    pairs = (value.split("=", 1) for value in values)
    return {path: yaml.safe_load(value) for path, value in pairs}


def render(*values):
    """The objects that the chart makes, by kind, or why it refuses."""
    try:
        return {one["kind"]: one for one in Chart(CHART, read_values(*values)).render()}
    except ChartError as error:
        return str(error)


def render_by_helm(folder, *values):
    """The same by Helm; the chart's dependency is an empty chart of that name."""
    chart = folder / "dalil"
    shutil.copytree(CHART, chart)
    (chart / "charts/qdrant").mkdir(parents=True)
    (chart / "charts/qdrant/Chart.yaml").write_text("apiVersion: v2\nname: qdrant\nversion: 1.19.0\n", "utf-8")
    command = [HELM, "template", "r", str(chart), *(word for one in values for word in ("--set", one))]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return {one["kind"]: one for one in yaml.safe_load_all(ran.stdout) if one} if ran.returncode == 0 else ran.stderr


SEVERAL = ("secret.name=s", "qdrant.enabled=true", "autoscaling.enabled=true", "persistence.enabled=false")
IN_FULL = (
    "secret.values.DALIL_API_KEYS=k", "qdrantUrl=http://q:6333", "replicas=3", "persistence.accessMode=ReadWriteMany",
    "ingress.enabled=true", "ingress.tlsSecret=t", "settings.DALIL_OPEN_ACCESS=true",
)  # fmt: skip


def test_one_replica_keeps_its_index_on_a_volume_and_is_replaced_only_once_it_has_ended():
    made = render("secret.values.DALIL_API_KEYS=k")
    assert made.keys() == {"NetworkPolicy", "Secret", "PersistentVolumeClaim", "Service", "Deployment"}
    assert made["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}


def test_several_replicas_share_a_qdrant_server_and_are_replaced_one_by_one():
    made = render(*SEVERAL)
    assert {"HorizontalPodAutoscaler", "PodDisruptionBudget"} <= made.keys()
    environment = made["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "DALIL_QDRANT_URL", "value": "http://r-qdrant:6333"} in environment
    _, to_qdrant = made["NetworkPolicy"]["spec"]["egress"]
    assert {port["port"] for port in to_qdrant["ports"]} == {6333, 6334}  # HTTP and gRPC


def test_a_rollout_loses_no_request_and_a_drain_waits_for_no_replica_that_is_alone():
    made = render(*SEVERAL)
    spec = made["Deployment"]["spec"]
    # A new one answers before an old one goes, which answers until the balancers know, and then has time to end.
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    _, pause_s = container["lifecycle"]["preStop"]["exec"]["command"]
    assert int(pause_s) + _LLM_GRACE_S + _SHUTDOWN_S < pod["terminationGracePeriodSeconds"]
    budget = made["PodDisruptionBudget"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget
    assert budget["selector"] == spec["selector"]


if HELM:  # else there is nothing to compare with

    @pytest.mark.parametrize("values", [(), SEVERAL, IN_FULL, ("secret.name=s",), ("secret.name=s", "replicas=2")])
    def test_helm_makes_the_same_of_the_chart(tmp_path, values):
        made, by_helm = render(*values), render_by_helm(tmp_path, *values)
        if isinstance(made, str):
            assert made in by_helm
            return
        for one in (made, by_helm):  # a hash of YAML, which each writes in its own way
            assert one["Deployment"]["spec"]["template"]["metadata"]["annotations"].pop("checksum/settings")
        assert made == by_helm


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["secret.name=s", "replicas=2"], "need a Qdrant server"),
        (["secret.name=s", "replicas=2", "qdrantUrl=http://q:6333"], "ReadWriteMany"),
        ([], "Nobody could come in"),
    ],
)  # fmt: skip
def test_the_chart_refuses_what_cannot_work(values, message):
    assert message in render(*values)
