"""The compose files agree with the code: settings, stages, and variables of the host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from headrace.console.app import main
from headrace.console.errors import CommandError
from headrace.console.web.access.methods import access_control
from headrace.console.web.settings import WebConsoleSettings
from headrace.sandbox import names
from headrace.sandbox.access.keys import generate
from headrace.sandbox.cluster.containers import AI_PORT, AWS_PORT
from headrace.sandbox.cluster.environment import AI_SERVICES, cloud
from headrace.streams import pipeline
from tests.docs.generate import SETTINGS

ROOT = Path(__file__).parents[2]
KEYS = generate()
PINNED = re.compile(r":-[\w./-]+:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}}$")
ADDED = ("aws", "cluster", "stages", "registry", "clamav", "observability")


Loader: Any = type("Loader", (yaml.SafeLoader,), {})
"""Constructs a node as if it had no compose tag."""


def _untagged(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else None


Loader.add_constructor("!override", _untagged)


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((ROOT / name).read_text("utf-8"), Loader)
    return found


def host() -> dict[str, str]:
    lines = (ROOT / "deploy" / "local.env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_headrace_variable_is_a_setting() -> None:
    known = {f"{cls.model_config.get('env_prefix', '')}{name}".upper() for cls in SETTINGS for name in cls.model_fields}
    texts = [
        (ROOT / name).read_text("utf-8")
        for name in ("docker-compose.yml", "Dockerfile", *(f"deploy/compose.{part}.yml" for part in ADDED))
    ]
    used = set(re.findall(r"^\s*(?:ENV )?(HEADRACE_[A-Z_]+)[:=]", "\n".join(texts), re.MULTILINE)) | {
        name for name in host() if name.startswith("HEADRACE_")
    }
    assert used <= known


def test_containers_use_the_cloud_of_the_sandbox() -> None:
    environment = read("docker-compose.yml")["services"]["worker"]["environment"]
    expected = {
        name: value.replace(f"{names.HOST}:{AWS_PORT}", f"aws:{AWS_PORT}")
        for name, value in cloud(AWS_PORT, KEYS).items()
        if value not in KEYS
    }
    assert {name: environment[name] for name in expected} == expected
    for service in AI_SERVICES:
        assert environment[f"AWS_ENDPOINT_URL_{service}"] == f"http://aws:{AI_PORT}"


def test_host_variables_do_not_change_containers() -> None:
    files = ("docker-compose.yml", *(f"deploy/compose.{part}.yml" for part in ADDED if part != "aws"))
    variables = {name for file in files for name in re.findall(r"\$\{(\w+)", (ROOT / file).read_text("utf-8"))}
    assert variables
    assert not variables & host().keys()


def test_stage_workers_accept_variables_of_other_compose_files() -> None:
    environment = read("docker-compose.yml")["services"]["worker"]["environment"]
    guide = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    for file, variable, name in (
        ("registry", "SCHEMA_REGISTRY_URL", "HEADRACE_SCHEMA_REGISTRY"),
        ("clamav", "CLAMD_ADDRESS", "HEADRACE_CLAMD"),
    ):
        value = read(f"deploy/compose.{file}.yml")["services"]["worker"]["environment"][name]
        assert environment[name] == f"${{{variable}:-}}"
        assert f"`{variable}={value}`" in guide


def test_host_variables_include_every_ai_service() -> None:
    assert {name for name in host() if name.startswith("AWS_ENDPOINT_URL_")} == {
        f"AWS_ENDPOINT_URL_{service}" for service in AI_SERVICES
    }


def test_every_stage_has_a_worker() -> None:
    services = read("deploy/compose.stages.yml")["services"]
    assert set(services) - {"worker"} == {stage.name for stage in pipeline.stages()}
    assert all(each["command"][:2] == ["worker", name] for name, each in services.items() if name != "worker")


def test_containers_have_read_only_file_systems_and_no_privileges() -> None:
    services = read("docker-compose.yml")["services"]
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only") or name == "kafka", "the broker's image writes its settings beside its programs"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


def test_console_reads_the_views_of_the_projector_and_needs_a_login() -> None:
    services = read("docker-compose.yml")["services"]
    console, views, login = (services[name] for name in ("console", "views", "console-login"))
    assert console["environment"]["HEADRACE_VIEWS"] == views["environment"]["HEADRACE_VIEWS"] == "/views"
    assert "views:/views" in {*console["volumes"]} & {*views["volumes"]}
    settings = {
        name.removeprefix("HEADRACE_CONSOLE_").lower(): value.replace("${CONSOLE_PORT:-8088}", "8088")
        for name, value in console["environment"].items()
        if name.startswith("HEADRACE_CONSOLE_") and name != "HEADRACE_CONSOLE_USERS_FILE"
    }
    with pytest.raises(CommandError, match="without a login"):
        access_control(WebConsoleSettings(**settings), b"s" * 32, 8088)
    assert login["command"][-1] == console["environment"]["HEADRACE_CONSOLE_USERS_FILE"]
    assert login["network_mode"] == "none"
    for name in ("aws", "cluster"):
        changed = read(f"deploy/compose.{name}.yml")["services"]
        assert {"HEADRACE_BOOTSTRAP_SERVERS"} <= {*changed["console"]["environment"]} & {
            *changed["views"]["environment"]
        }


def test_login_of_the_console_is_created_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = tmp_path / "users"
    command = read("docker-compose.yml")["services"]["console-login"]["command"]
    for _ in range(2):
        result = CliRunner().invoke(main.app, [str(users) if each == "/console/users" else each for each in command])
        assert result.exit_code == 0, result.output
        written = users.read_text("utf-8")
    settings = WebConsoleSettings(host="0.0.0.0", url="http://localhost:8088", users_file=users)
    assert access_control(settings, b"s" * 32, 8088).users
    assert users.read_text("utf-8") == written
    assert "has a password" in result.stderr


def test_only_the_local_aws_writes_the_access_key() -> None:
    services = read("docker-compose.yml")["services"]
    mounts = {
        name: [each for each in service.get("volumes", ()) if "/access" in each] for name, service in services.items()
    }
    assert mounts.pop("aws") == ["access:/access"]
    assert mounts.pop("kafka") == mounts.pop("console-login") == []
    assert all(each == ["access:/access:ro"] for each in mounts.values())


def test_base_images_are_pinned_by_digest() -> None:
    (python,) = re.findall(r"^ARG PYTHON=(.+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", python)
    assert PINNED.search(read("docker-compose.yml")["services"]["kafka"]["image"])


def test_every_writer_uses_the_registry_of_the_init_container() -> None:
    services = read("deploy/compose.registry.yml")["services"]
    image = services["registry"]["image"]
    assert PINNED.search(image)
    environments = {name: each["environment"] for name, each in services.items() if name != "registry"}
    assert environments.keys() == {"init", "bridge", "worker", "views", "console"}
    assert {each["HEADRACE_SCHEMA_REGISTRY"] for each in environments.values()} == {
        "http://registry:8080/apis/ccompat/v7"
    }


def test_docs_name_every_compose_file() -> None:
    files = {
        file.name.removeprefix("compose.").removesuffix(".yml") for file in (ROOT / "deploy").glob("compose.*.yml")
    }
    named = set(
        re.findall(r"^`--file deploy/compose\.(\w+)\.yml`", (ROOT / "docs/deploy.md").read_text(), re.MULTILINE)
    )
    assert files == named == set(ADDED)


def test_worker_uses_the_added_clamd() -> None:
    services = read("deploy/compose.clamav.yml")["services"]
    settings = dict(
        line.split(" ", 1) for line in (ROOT / "deploy/clamd.conf").read_text().splitlines() if line[:1].isalpha()
    )
    assert PINNED.search(services["clamd"]["image"])
    assert services["worker"]["environment"] == {"HEADRACE_CLAMD": f"clamd:{settings['TCPSocket']}"}
    assert any(volume.startswith("./deploy/clamd.conf:") for volume in services["clamd"]["volumes"])


def test_observability_is_pinned_and_only_this_machine_reaches_it() -> None:
    services = read("deploy/compose.observability.yml")["services"]
    traced = {name: services.pop(name)["environment"] for name in ("bridge", "worker")}
    assert {each["OTEL_EXPORTER_OTLP_ENDPOINT"] for each in traced.values()} == {"http://jaeger:4318"}
    for name, service in services.items():
        assert PINNED.search(service["image"]), name
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"], name
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name
