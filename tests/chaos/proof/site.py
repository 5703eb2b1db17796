"""The site of a proof: a broker behind a proxy, local AWS and AI services, a registry, and the product's processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from headrace.sandbox import names
from headrace.sandbox.access.control import call_control
from headrace.sandbox.access.keys import control_token
from headrace.sandbox.ai.app import LEDGER_FILE
from headrace.sandbox.cluster import cluster, contract, environment
from headrace.sandbox.cluster.ports import is_healthy
from headrace.sandbox.cluster.state_file import ClusterState
from headrace.sandbox.names import HOST
from headrace.schemas.kafka.settings import KafkaSettings
from tests.chaos.proof.disks import Disk, disk
from tests.chaos.proof.object_store import CONTROL
from tests.chaos.proof.processes import Part, Supervisor
from tests.chaos.proof.schedule import WORKERS
from tests.chaos.proof.uploads import Endpoints
from tests.support.aws_clients import new_client
from tests.support.brokers import Brokers, brokers
from tests.support.fake_schema_registry import RegistryDouble, registry_double
from tests.support.process import run, wait_for
from tests.support.tcp_proxy import forwarding

PIPELINE = """\
[stages.thumbnails]
on = false
[stages.moderation]
on = false
[stages.documents]
on = true
[stages.overdue]
after = 5
"""
"""Checks, a fan-in, a call for each picture, a job for each document, and the fan-in of all results."""

JOB_SECONDS = "0.2"
DISKS = ("views", *WORKERS)


class Network:
    """The connection between the broker and its clients."""

    def __init__(self, broker: Brokers) -> None:
        self._address, self._port = broker.proxied[0]
        self._open = ExitStack()
        self._flowing = threading.Event()

    def up(self) -> None:
        """Forward connections."""
        self._flowing = self._open.enter_context(forwarding(self._address, self._port))

    def down(self) -> None:
        """Close all connections and refuse new ones."""
        self._open.close()

    def stall(self) -> None:
        """Keep connections open without passing bytes."""
        self._flowing.clear()

    def flow(self) -> None:
        """Pass bytes again."""
        self._flowing.set()


@dataclass
class ProofSite:
    """What a proof needs: its processes and the means to disturb them."""

    folder: Path
    broker: Brokers
    network: Network
    registry: RegistryDouble
    endpoints: Endpoints
    supervisor: Supervisor
    ai_url: str
    token: str
    disks: dict[str, Disk] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> KafkaSettings:
        """The settings of the cluster."""
        return KafkaSettings(
            bootstrap_servers=self.broker.bootstrap_servers, schema_registry=self.registry.url, kafka_timeout_seconds=60
        )

    @property
    def ledger(self) -> Path:
        """The ledger of the AI services."""
        return self.folder / "ai" / LEDGER_FILE

    @property
    def picture(self) -> Path:
        """A small picture."""
        return self.folder / "picture.jpg"

    def ai_fault(self, body: dict[str, Any] | None) -> None:
        """Add a fault to the AI services; None removes all."""
        call_control(f"{self.ai_url}/faults", "DELETE" if body is None else "POST", body, self.token)

    def command(self, *arguments: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a command of the product."""
        return run(dict(self.supervisor.parts["views"].environment), *arguments, seconds=seconds)


@contextmanager
def proof_site(folder: Path) -> Iterator[ProofSite]:
    """Start everything; at the end, stop it."""
    with ExitStack() as stack:
        broker = stack.enter_context(brokers(folder / "brokers", behind_proxy=True))
        network = Network(broker)
        network.up()
        stack.callback(network.down)
        registry = stack.enter_context(registry_double())
        state = cluster.up(folder / "cloud", ("aws",))
        stack.callback(cluster.down, folder / "cloud")
        store, ai = _free_port(), _free_port()
        values = _environment(state, broker, registry, store, ai)
        os.environ.update(values)
        (folder / environment.PIPELINE_FILE).write_text(PIPELINE, "utf-8")
        os.environ["HEADRACE_PIPELINE"] = str(folder / environment.PIPELINE_FILE)
        _serve(stack, folder, "tests.chaos.proof.object_store", str(store), str(folder / "objects.db"))
        _serve(stack, folder, "headrace.sandbox.ai", "--port", str(ai), "--data", str(folder / "ai"))
        wait_for(lambda: is_healthy(ai, "/health") and is_healthy(store, CONTROL), "S3 and the AI services")
        contract.apply_contract()
        assert run({}, "schemas", "register").returncode == 0
        queue = names.queue_url(state.parts["aws"].port)
        site = ProofSite(
            folder,
            broker,
            network,
            registry,
            Endpoints(store, new_client("sqs"), queue),
            Supervisor([]),
            names.endpoint(ai),
            control_token(state.access),
        )
        _mount_disks(stack, site)
        site.supervisor = Supervisor(_parts(site))
        Image.effect_noise((96, 96), 60).convert("RGB").save(site.picture)
        stack.callback(site.supervisor.stop)
        site.supervisor.start()
        yield site


def _environment(state: ClusterState, broker: Brokers, registry: RegistryDouble, store: int, ai: int) -> dict[str, str]:
    values = environment.variables(state)
    values |= {f"AWS_ENDPOINT_URL_{service}": names.endpoint(ai) for service in environment.AI_SERVICES}
    return values | {
        "AWS_ENDPOINT_URL_S3": names.endpoint(store),
        "HEADRACE_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "HEADRACE_SCHEMA_REGISTRY": registry.url,
        "HEADRACE_SANDBOX_JOB_SECONDS": JOB_SECONDS,
        "HEADRACE_BRIDGE_POLL_SECONDS": "1",
    }


def _serve(stack: ExitStack, folder: Path, module: str, *arguments: str) -> None:
    with (folder / f"{module.rpartition('.')[2]}.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.kill)


def _mount_disks(stack: ExitStack, site: ProofSite) -> None:
    try:
        for name in DISKS:
            site.disks[name] = stack.enter_context(disk(site.folder / "disks" / name))
    except OSError as error:
        site.disks.clear()
        site.not_run["disk full"] = f"no disk could be mounted: {error}"


def _parts(site: ProofSite) -> list[Part]:
    folders = {name: str(each.folder) for name, each in site.disks.items()}
    views = {"HEADRACE_VIEWS": folders.get("views", str(site.folder / "views"))}
    temporary = {name: {"TMPDIR": folders[name]} if name in folders else {} for name in WORKERS}
    workers = [Part(name, ("worker", "--all"), views | temporary[name], site.folder) for name in WORKERS]
    return [
        *workers,
        Part("bridge", ("bridge",), views, site.folder),
        Part("views", ("views", "run"), views, site.folder),
    ]


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])
