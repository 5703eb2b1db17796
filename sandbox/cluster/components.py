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
from headrace.sandbox.cluster.processes import Command
from headrace.sandbox.cluster.progress_events import Tell


@dataclass(frozen=True, slots=True)
class Site:
    """Where a part is set up: its sandbox's folder, the ports of all parts, and who hears of downloads."""

    data: Path
    ports: Mapping[str, int]
    cluster_id: str
    tell: Tell


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to start one part. `ports` names what it listens on, the one that clients use first."""

    name: str
    ports: tuple[str, ...]
    prepare: Callable[[Site], Command]
    is_ready: Callable[[int], bool]
    finish: Callable[[int], None] | None = None
    seconds: float = 30.0


def runtime() -> kafka_broker.Runtime:
    """What runs Kafka's classes on this machine; `jars.ensure` has to have filled its folder."""
    return kafka_broker.Runtime(java.find(os.environ), jars.default_folder())


def _kafka(site: Site) -> Command:
    kafka = runtime()  # a Java that will not do is to be known before the download
    jars.ensure(kafka.jars, site.tell)
    node = kafka_broker.Node(1, site.ports["kafka"], site.ports["kafka-controller"])
    return kafka_broker.prepare(kafka, site.data / "kafka", node, [node], site.cluster_id)


def _aws(site: Site) -> Command:
    return ministack.prepare(site.data / "aws", site.ports["aws"])


def _ai(site: Site) -> Command:
    folder = site.data / "ai"
    folder.mkdir(exist_ok=True)
    arguments = ("--port", str(site.ports["ai"]), "--data", str(folder))
    command = (sys.executable, "-P", "-m", "headrace.sandbox.ai", *arguments)
    return Command(command, folder, environment.cloud(site.ports["aws"]))


RECIPES: Final = {
    recipe.name: recipe
    for recipe in (
        Recipe("kafka", ("kafka", "kafka-controller"), _kafka, kafka_broker.is_ready, seconds=60.0),
        Recipe("aws", ("aws",), _aws, ministack.is_ready, ministack.apply),
        Recipe("ai", ("ai",), _ai, lambda port: is_healthy(port, "/health")),
    )
}
