"""The components of a sandbox: ports, start command and readiness check."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.sandbox.cluster import aot_cache, environment, jars, java, kafka_broker, ministack
from headrace.sandbox.cluster.ports import is_healthy
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.cluster.progress_events import OnProgressEvent
from headrace.sandbox.paths import private_folder


@dataclass(frozen=True, slots=True)
class ComponentContext:
    """The folder, the ports and the access key of a sandbox, and the callback for progress events."""

    data: Path
    ports: Mapping[str, int]
    access: AwsCredentials
    cluster_id: str
    on_event: OnProgressEvent


@dataclass(frozen=True, slots=True)
class Component:
    """How to start one component. `ports` are its port names, the client port first."""

    name: str
    ports: tuple[str, ...]
    prepare: Callable[[ComponentContext], ProcessCommand]
    is_ready: Callable[[int], bool]
    finish: Callable[[int, AwsCredentials], None] | None = None
    seconds: float = 30.0


def runtime() -> kafka_broker.Runtime:
    """Return the Java and the jar folder for Kafka; `jars.ensure` downloads the jars."""
    program, folder = java.find(os.environ), jars.default_folder()
    files = [folder / jar.filename for jar in jars.pinned()]
    flags = (*kafka_broker.JVM_FLAGS, *kafka_broker.BROKER_FLAGS)
    return kafka_broker.Runtime(program, folder, aot_cache.find(program, files, flags, os.environ))


def _kafka(context: ComponentContext) -> ProcessCommand:
    kafka = runtime()  # fails for an unusable Java before the download
    jars.ensure(kafka.jars, context.on_event)
    node = kafka_broker.BrokerNode(1, context.ports["kafka"], context.ports["kafka-controller"])
    folder = private_folder(context.data / "kafka")
    return kafka_broker.prepare(kafka, folder, node, [node], context.cluster_id)


def _train(port: int, _access: AwsCredentials) -> None:
    """Have the next broker start faster."""
    aot_cache.create_in_background(runtime().cache, port)


def _aws(context: ComponentContext) -> ProcessCommand:
    return ministack.prepare(context.data / "aws", context.ports["aws"], context.access)


def _ai(context: ComponentContext) -> ProcessCommand:
    folder = private_folder(context.data / "ai")
    arguments = ("--port", str(context.ports["ai"]), "--data", str(folder))
    command = (sys.executable, "-P", "-m", "headrace.sandbox.ai", *arguments)
    return ProcessCommand(command, folder, environment.cloud(context.ports["aws"], context.access))


COMPONENTS: Final = {
    component.name: component
    for component in (
        Component("kafka", ("kafka", "kafka-controller"), _kafka, kafka_broker.is_ready, _train, seconds=60.0),
        Component("aws", ("aws",), _aws, ministack.is_ready, ministack.apply),
        Component("ai", ("ai",), _ai, lambda port: is_healthy(port, "/health")),
    )
}
