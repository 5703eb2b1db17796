"""The parts of a sandbox: what each listens on, how it is started and when it is ready."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headrace.sandbox.cluster import environment, jars, java, kafka_broker, ministack
from headrace.sandbox.cluster.ports import is_healthy
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.cluster.progress_events import OnProgressEvent


@dataclass(frozen=True, slots=True)
class ComponentContext:
    """Where a part is set up: its sandbox's folder, the ports of all parts, and who hears of downloads."""

    data: Path
    ports: Mapping[str, int]
    cluster_id: str
    tell: OnProgressEvent


@dataclass(frozen=True, slots=True)
class Component:
    """How to start one part. `ports` names what it listens on, the one that clients use first."""

    name: str
    ports: tuple[str, ...]
    prepare: Callable[[ComponentContext], ProcessCommand]
    is_ready: Callable[[int], bool]
    finish: Callable[[int], None] | None = None
    seconds: float = 30.0


def runtime() -> kafka_broker.Runtime:
    """What runs Kafka's classes on this machine; `jars.ensure` has to have filled its folder."""
    return kafka_broker.Runtime(java.find(os.environ), jars.default_folder())


def _kafka(site: ComponentContext) -> ProcessCommand:
    kafka = runtime()  # a Java that will not do is to be known before the download
    jars.ensure(kafka.jars, site.tell)
    node = kafka_broker.BrokerNode(1, site.ports["kafka"], site.ports["kafka-controller"])
    return kafka_broker.prepare(kafka, site.data / "kafka", node, [node], site.cluster_id)


def _aws(site: ComponentContext) -> ProcessCommand:
    return ministack.prepare(site.data / "aws", site.ports["aws"])


def _ai(site: ComponentContext) -> ProcessCommand:
    folder = site.data / "ai"
    folder.mkdir(exist_ok=True)
    arguments = ("--port", str(site.ports["ai"]), "--data", str(folder))
    command = (sys.executable, "-P", "-m", "headrace.sandbox.ai", *arguments)
    return ProcessCommand(command, folder, environment.cloud(site.ports["aws"]))


COMPONENTS: Final = {
    recipe.name: recipe
    for recipe in (
        Component("kafka", ("kafka", "kafka-controller"), _kafka, kafka_broker.is_ready, seconds=60.0),
        Component("aws", ("aws",), _aws, ministack.is_ready, ministack.apply),
        Component("ai", ("ai",), _ai, lambda port: is_healthy(port, "/health")),
    )
}
