"""Emulators of AWS for tests that run on each of them: MiniStack, which the sandbox uses, and the server of moto."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.sandbox.cluster import ministack
from headrace.sandbox.cluster.environment import AI_SERVICES, cloud
from headrace.sandbox.cluster.ports import is_healthy
from headrace.sandbox.names import ACCOUNT, endpoint
from tests.support.process import wait_for

MOTO = Path(__file__).parents[2] / ".venv-bench" / "bin" / "moto_server"
"""The server of moto. It has many dependencies, so it is installed away from those of Headrace."""
MISSING = "the server of moto is not installed: run `make test-emulators` once"
ALL_TESTS = "HEADRACE_TEST_EMULATORS"
"""If this variable is set, each test that can run on moto does. Else only those with the mark `each_emulator` do."""
EMULATORS = ("ministack", pytest.param("moto", marks=pytest.mark.moto))
"""The parameters of a fixture that runs its tests on each emulator."""


def select_emulators(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests on moto that nothing asks for, and skip those for which moto lacks something."""
    unwanted = [
        item
        for item in items
        if item.get_closest_marker("moto") and not (ALL_TESTS in os.environ or item.get_closest_marker("each_emulator"))
    ]
    for item in items:
        lacking = item.get_closest_marker("moto_lacks")
        if lacking and item.get_closest_marker("moto"):
            item.add_marker(pytest.mark.skip(reason=f"moto: {lacking.args[0]}"))
    if unwanted:
        items[:] = [item for item in items if item not in unwanted]
        config.hook.pytest_deselected(items=unwanted)


@contextmanager
def on_emulator(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Yield the variables of the cluster with the emulator of a parameter; this process has them in the block."""
    found: dict[str, str] = request.getfixturevalue("cluster_env" if request.param == "ministack" else "moto_env")
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in found.items():
            patch.setenv(variable, value)
        yield found


@contextmanager
def moto_server(log: Path) -> Iterator[int]:
    """Run the server of moto for a `with` block and yield its port. Skips the test if it is not installed."""
    if not MOTO.exists():
        pytest.skip(MISSING)
    port = free_port()
    command = [str(MOTO), "--host", "127.0.0.1", "--port", str(port)]
    with _running(command, {"MOTO_ACCOUNT_ID": ACCOUNT}, log) as process:
        wait_for(lambda: process.poll() is not None or is_healthy(port, "/moto-api/data.json"), "moto")
        assert process.poll() is None, log.read_text()
        yield port


@contextmanager
def moto_cluster(cluster: Mapping[str, str], folder: Path) -> Iterator[dict[str, str]]:
    """Run moto with the resources of the sandbox beside the broker of a cluster, and yield the variables of both."""
    access = AwsCredentials(cluster["AWS_ACCESS_KEY_ID"], cluster["AWS_SECRET_ACCESS_KEY"])
    with moto_server(folder / "moto.log") as port:
        ministack.apply(port, access)
        yield {**cluster, **cloud(port, access)}


@contextmanager
def ai_endpoint(variables: Mapping[str, str], folder: Path) -> Iterator[dict[str, str]]:
    """Run an AI endpoint that reads media from the S3 of these variables, and yield them with its address."""
    port = free_port()
    command = [sys.executable, "-P", "-m", "headrace.sandbox.ai", "--port", str(port), "--data", str(folder)]
    with _running(command, variables, folder / "ai.log") as process:
        wait_for(lambda: process.poll() is not None or is_healthy(port, "/health"), "the AI endpoint")
        assert process.poll() is None, (folder / "ai.log").read_text()
        yield {**variables, **{f"AWS_ENDPOINT_URL_{service}": endpoint(port) for service in AI_SERVICES}}


@contextmanager
def _running(command: list[str], variables: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(100)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
