"""One or three real Kafka brokers that a test may kill, or cut off from their clients by a proxy."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.sandbox.cluster import components, jars, kafka_broker, storage
from headrace.sandbox.cluster.kafka_broker import BrokerNode
from headrace.sandbox.cluster.lifetime import end_children_with_me
from headrace.sandbox.cluster.ports import free_port
from headrace.sandbox.names import HOST
from tests.support.process import wait_for

START_SECONDS = 60.0


class Brokers:
    """A cluster whose nodes are this process's children."""

    def __init__(self, folder: Path, count: int, behind_proxy: bool = False) -> None:
        end_children_with_me()
        self._folder = folder
        self._runtime = components.runtime()
        jars.ensure(self._runtime.jars)
        ports: list[int] = []
        for _ in range(3 * count):
            ports.append(free_port(None, ports, random.Random()))
        self._nodes = [
            BrokerNode(n // 3 + 1, ports[n], ports[n + 1], ports[n + 2] if behind_proxy else None)
            for n in range(0, 3 * count, 3)
        ]
        self._cluster_id = storage.new_id()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def bootstrap_servers(self) -> str:
        """The bootstrap addresses of all nodes; those of their proxies, if they have any."""
        return ",".join(f"{HOST}:{node.advertised_port or node.port}" for node in self._nodes)

    @property
    def proxied(self) -> list[tuple[str, int]]:
        """The address of each node and the port of its proxy."""
        return [(f"{HOST}:{each.port}", each.advertised_port) for each in self._nodes if each.advertised_port]

    @property
    def count(self) -> int:
        """The number of nodes."""
        return len(self._nodes)

    def start(self) -> None:
        """Start every stopped node and wait until all are ready."""
        for node in self._nodes:
            if node.id not in self._processes:
                self._start(node)
        for node in self._nodes:
            self._await(node)

    def kill(self, index: int) -> None:
        """Kill a node with SIGKILL. Data in the page cache survives."""
        process = self._processes.pop(self._nodes[index].id)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """Kill all nodes."""
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._processes.clear()

    def tool(self, class_name: str, *arguments: str) -> str:
        """Run a Kafka command-line tool and return its output. Fails the test if the tool fails."""
        result = kafka_broker.kafka_tool(
            self._runtime, class_name, ["--bootstrap-server", self.bootstrap_servers, *arguments]
        )
        assert result.returncode == 0, result.stderr or result.stdout
        return result.stdout

    def _start(self, node: BrokerNode) -> None:
        folder = self._folder / f"node-{node.id}"
        command = kafka_broker.prepare(self._runtime, folder, node, self._nodes, self._cluster_id)
        with (self._folder / f"node-{node.id}.log").open("ab") as log:
            self._processes[node.id] = subprocess.Popen(
                command.argv,
                cwd=command.folder,
                env={**os.environ, **command.variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _await(self, node: BrokerNode) -> None:
        process = self._processes[node.id]
        wait_for(
            lambda: process.poll() is not None or kafka_broker.is_ready(node.port), f"broker {node.id}", START_SECONDS
        )
        assert process.poll() is None, (self._folder / f"node-{node.id}.log").read_text()[-2000:]


@contextmanager
def brokers(folder: Path, count: int = 1, behind_proxy: bool = False) -> Iterator[Brokers]:
    """Run a cluster for the duration of the block. Behind a proxy, clients use the ports of `proxied`."""
    cluster = Brokers(folder, count, behind_proxy)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
