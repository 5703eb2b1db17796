"""Start the processes that benchmarks need: parts of the sandbox, and fake servers."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from headrace.console.app.process import end_on_signals
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.environment import variables
from headrace.sandbox.cluster.lifetime import end_children_with_me
from headrace.sandbox.cluster.ports import free_port
from headrace.sandbox.cluster.state_file import ClusterState
from headrace.schemas.kafka.settings import KafkaSettings


@contextmanager
def running(parts: Sequence[str]) -> Iterator[ClusterState]:
    """Run parts of a temporary sandbox while the block runs; set the environment for them."""
    end_on_signals()
    end_children_with_me()
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        state = cluster.up(Path(folder), parts)
        os.environ.update(variables(state))
        try:
            yield state
        finally:
            cluster.down(Path(folder))


def broker_of(state: ClusterState) -> KafkaSettings:
    """Return the Kafka settings of a sandbox."""
    return KafkaSettings(bootstrap_servers=variables(state)["HEADRACE_BOOTSTRAP_SERVERS"])


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[str]:
    """Run a module with a port as its first argument; yield its address once it prints a line."""
    port = free_port(None, [], random.Random())
    command = [sys.executable, "-m", module, str(port), *arguments]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
