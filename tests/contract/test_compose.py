"""docker-compose.yml and deploy/kubernetes, as far as they can be looked at without an engine: the
schema, and that every role, variable, port and path in them is one of the code."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml

from deploy.local.cli import ROLES, Roles
from deploy.local.probes import free_ports, kafka_answers
from deploy.local.supervisor import SupervisedProcess
from tests.kafka import require

REPOSITORY = Path(__file__).parents[2]
COMPOSE = REPOSITORY / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
EXAMPLE = (REPOSITORY / ".env.example").read_text()
DOCKERFILE = (REPOSITORY / "deploy" / "docker" / "Dockerfile").read_text()
MANIFESTS = [
    document
    for file in sorted((REPOSITORY / "deploy" / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]
PORTS = {"agent": 9101, "bridge": 9102, "stream": 9103, "inventory": 9104, "console": 8080}


class Container(NamedTuple):
    """A container of a role of ours, wherever it is declared. ports: those that its probes ask."""

    where: str
    role: str
    arguments: list[str]
    environment: dict[str, Any]
    ports: set[int]


def containers() -> Iterator[Container]:
    for name, service in SERVICES.items():
        if service["image"].startswith("flowatlas"):
            role, *arguments = ["agent"] if name == "agent" else service["command"]
            probe = " ".join(service.get("healthcheck", {}).get("test", []))
            ports = {int(port) for port in re.findall(r":(\d{4})/", probe)}
            yield Container(f"compose: {name}", role, arguments, service["environment"], ports)
    for document in MANIFESTS:
        template = document.get("spec", {}).get("template", {}) if document else {}
        for one in template.get("spec", {}).get("containers", []):
            role, *arguments = one.get("args", ["agent"])
            environment = {entry["name"]: entry.get("value", "") for entry in one["env"]}
            ports = {port["containerPort"] for port in one.get("ports", [])}
            yield Container(f"kubernetes: {role}", role, arguments, environment, ports)


OURS = [pytest.param(one, id=one.where) for one in containers()]


def test_it_fits_the_compose_specification() -> None:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run(
        [*words, str(COMPOSE)], capture_output=True, text=True, check=False, timeout=60
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_role_of_the_pipeline_has_a_container() -> None:
    for kind in ("compose", "kubernetes"):
        roles = {one.role for one in containers() if one.where.startswith(kind)}
        assert roles == {"agent", "stream", "bridge", "console", "migrate", "inventory"}


@pytest.mark.parametrize("container", OURS)
def test_a_container_runs_a_role_with_settings_that_it_knows(container: Container) -> None:
    assert container.role in ROLES
    command = Roles("flowatlas").get_command(click.Context(click.Command("")), container.role)
    assert command is not None
    told = command.get_help(click.Context(command, info_name=container.role))
    known = set(re.findall(r"FLOWATLAS_[A-Z_]+", told))
    assert set(container.environment) <= known
    assert not container.arguments
    if container.role in PORTS:
        assert container.ports == {PORTS[container.role]}
        assert f"default: {PORTS[container.role]}]" in " ".join(told.split())


def test_every_image_is_of_one_version() -> None:
    for name, service in SERVICES.items():
        version = service["image"].partition(":")[2]
        assert re.fullmatch(r"v?\d+(\.\d+)+", version), name
    kafka = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>(.*)<", pom())
    assert kafka is not None
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka[1]}"


def pom() -> str:
    return (REPOSITORY / "deploy" / "kafka" / "pom.xml").read_text()


def test_every_service_has_a_limit_and_what_says_that_it_is_well() -> None:
    for name, service in SERVICES.items():
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert "healthcheck" in service or name == "migrate", name


def test_every_variable_is_in_the_example_and_none_is_there_for_nothing() -> None:
    used = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    declared = set(re.findall(r"(?m)^(\w+)=", EXAMPLE))
    assert used == declared
    secret = [name for name in declared if "PASSWORD" in name]
    assert all(re.search(rf"(?m)^{name}=$", EXAMPLE) for name in secret)
    assert all(f"${{{name}:?" in COMPOSE.read_text() for name in secret)


def test_every_path_and_volume_is_there() -> None:
    volumes = yaml.safe_load(COMPOSE.read_text())["volumes"]
    for service in SERVICES.values():
        for mounted in service.get("volumes", []):
            source = mounted.split(":")[0]
            if source.startswith("./"):
                assert (REPOSITORY / source).exists(), source
            elif re.fullmatch(r"\w+", source):
                assert source in volumes


def test_only_the_agent_may_everything() -> None:
    for one in SERVICES.values():
        if one["image"].startswith("flowatlas:"):
            assert one["read_only"]
            assert one["cap_drop"] == ["ALL"]
    assert [name for name, one in SERVICES.items() if one.get("privileged")] == ["agent"]


def test_nothing_is_open_to_other_hosts_unless_told() -> None:
    for service in SERVICES.values():
        for port in service.get("ports", []):
            assert port.startswith(("127.0.0.1:", "${LISTEN:-127.0.0.1}:")), port


def test_prometheus_scrapes_what_is_served() -> None:
    settings = yaml.safe_load((REPOSITORY / "deploy/prometheus/prometheus.yml").read_text())
    scraped = {
        scrape["job_name"]: scrape["static_configs"][0]["targets"]
        for scrape in settings["scrape_configs"]
    }
    for role in ("stream", "bridge", "console"):
        assert scraped[f"flowatlas-{role}"] == [f"{role}:{PORTS[role]}"]
    assert scraped["flowatlas-agent"] == [f"host.docker.internal:{PORTS['agent']}"]
    hosts = " ".join(SERVICES["prometheus"]["extra_hosts"])
    assert "host.docker.internal" in hosts
    kubernetes = {
        document["metadata"]["labels"]["app.kubernetes.io/name"]
        for document in MANIFESTS
        if document and document["kind"] in ("DaemonSet", "Deployment")
    }
    assert kubernetes >= set(scraped) - {"prometheus"}


def test_grafana_is_told_all_that_provisioning_asks_for() -> None:
    text = (REPOSITORY / "deploy/grafana/provisioning/datasources/clickhouse.yaml").read_text()
    assert set(re.findall(r"\$(\w+)", text)) <= set(SERVICES["grafana"]["environment"])
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    mounts = dict(one.split(":")[1::-1] for one in SERVICES["grafana"]["volumes"])
    place = next(mount for mount in mounts if home.startswith(f"{mount}/dash") or mount in home)
    providers = REPOSITORY / "deploy/grafana/provisioning/dashboards/flowatlas.yaml"
    path = yaml.safe_load(providers.read_text())["providers"][0]["options"]["path"]
    assert path in mounts
    assert home.startswith(f"{path}/")
    assert (REPOSITORY / mounts[path] / home.removeprefix(f"{path}/")).exists(), place


def test_the_dockerfile_copies_what_is_there_and_stages_are_those_that_are_built() -> None:
    stages = re.findall(r"(?m)^FROM \S+ AS (\w+)", DOCKERFILE)
    targets = {one["build"]["target"] for one in SERVICES.values() if "build" in one}
    assert targets <= set(stages)
    copied = re.findall(r"(?m)^COPY (?!--)(.*) \S+$", DOCKERFILE)
    ignored = (REPOSITORY / ".dockerignore").read_text()
    for source in " ".join(copied).split():
        assert (REPOSITORY / source).exists(), source
        assert f"!{source.split('/')[0]}\n" in ignored
    project = (REPOSITORY / "pyproject.toml").read_text()
    extras = re.search(r'"\.\[(.*)\]"', DOCKERFILE)
    assert extras is not None
    assert all(f"\n{extra} = [" in project for extra in extras[1].split(","))


def test_shell_scripts_parse() -> None:
    for script in (REPOSITORY / "deploy" / "docker").glob("*.sh"):
        subprocess.run(["sh", "-n", str(script)], check=True)


def test_kustomize_names_every_manifest() -> None:
    directory = REPOSITORY / "deploy" / "kubernetes"
    kustomization = yaml.safe_load((directory / "kustomization.yaml").read_text())
    files = {file.name for file in directory.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files
    images = {image["name"] for image in kustomization["images"]}
    used = {
        one["image"]
        for document in MANIFESTS
        if document
        for one in document.get("spec", {})
        .get("template", {})
        .get("spec", {})
        .get("containers", [])
    }
    assert used == images


@pytest.mark.integration
def test_kafka_starts_on_its_file(tmp_path: Path) -> None:
    """The broker of Kafka's jars, with the file's ports and directory replaced by free ones."""
    require()
    jars = REPOSITORY / ".cache" / "kafka"
    inside, host, controller = free_ports(3)
    text = (REPOSITORY / "deploy" / "docker" / "kafka.properties").read_text()
    for old, new in (
        ("0.0.0.0:9092", f"127.0.0.1:{inside}"),
        ("0.0.0.0:29092", f"127.0.0.1:{host}"),
        ("127.0.0.1:29092", f"127.0.0.1:{host}"),
        ("localhost:9093", f"localhost:{controller}"),
        ("/var/lib/kafka/data", str(tmp_path / "data")),
    ):
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "server.properties"
    file.write_text(text)
    java = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*"]
    format_it = ["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAQACAAAAAAAAAAA", "-c"]
    subprocess.run([*java, *format_it, str(file)], check=True, capture_output=True, timeout=60)
    broker = SupervisedProcess("kafka", [*java, "kafka.Kafka", str(file)], tmp_path)
    broker.start()
    try:
        broker.wait_until(lambda: kafka_answers(f"127.0.0.1:{host}"), 60)
    finally:
        broker.kill()
