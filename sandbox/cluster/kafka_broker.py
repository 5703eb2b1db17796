"""A Kafka broker with a combined KRaft controller (KIP-500), and the Kafka command-line tools."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.sandbox.cluster import jars, storage
from headrace.sandbox.cluster.aot_cache import AotCache
from headrace.sandbox.cluster.processes import PRIVATE, ProcessCommand
from headrace.sandbox.names import HOST
from headrace.sandbox.paths import write_private

HEAP = "256m"
# Paths are relative to the node's folder: Kafka and Log4j split paths at commas.
SETTINGS = "server.properties"
LOGGING = "log4j2.xml"
LOG = "log"
JVM_FLAGS = (
    "-Xms32m",
    # Short local runs: start time and thread count matter more than peak throughput.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xss512k",
    # The compression libraries are native; Java 24 and later warn about native access.
    "--enable-native-access=ALL-UNNAMED",
)
BROKER_FLAGS = (f"-Xmx{HEAP}", f"-Dlog4j2.configurationFile={LOGGING}")
LOGGING_TEXT = """\
<Configuration status="ERROR" shutdownHook="disable">
  <Appenders><Console name="log"><PatternLayout pattern="%d{ISO8601} %p %c{1}: %m%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="log"/></Root></Loggers>
</Configuration>
"""


@dataclass(frozen=True, slots=True)
class BrokerNode:
    """A combined broker and controller: its id and its ports. Clients use the advertised port, such as of a proxy."""

    id: int
    port: int
    controller_port: int
    advertised_port: int | None = None


@dataclass(frozen=True, slots=True)
class Runtime:
    """The Java and the jar folder that run Kafka, and the cache with which the broker starts faster."""

    java: Path
    jars: Path
    cache: AotCache | None = None


def properties(node: BrokerNode, quorum: Sequence[BrokerNode]) -> str:
    """Return server.properties for a node; all nodes of the cluster are voters."""
    copies = min(3, len(quorum))
    in_sync = max(1, copies - 1)
    voters = ",".join(f"{voter.id}@{HOST}:{voter.controller_port}" for voter in quorum)
    settings = {
        "process.roles": "broker,controller",
        "node.id": node.id,
        "listeners": f"PLAINTEXT://{HOST}:{node.port},CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{node.advertised_port or node.port}",
        "controller.listener.names": "CONTROLLER",
        # Static voters instead of a dynamic quorum (KIP-853), which stores ports; ports may change between starts.
        "controller.quorum.voters": voters,
        "log.dirs": LOG,
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 4,
        # A killed broker can rejoin only after its session timeout; 9 s by default.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,
        # Lets tests detect a dead consumer quickly.
        "group.min.session.timeout.ms": 1000,
        # Memory of the log cleaner; 128 MB by default.
        "log.cleaner.dedupe.buffer.size": 2 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def prepare(
    runtime: Runtime, folder: Path, node: BrokerNode, quorum: Sequence[BrokerNode], cluster_id: str
) -> ProcessCommand:
    """Prepare the folder of a node, keeping its data, and return the start command.

    `cluster_id` is 22 base64 characters, equal on all nodes; it applies only to a new folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_private(folder / SETTINGS, properties(node, quorum))
    write_private(folder / LOGGING, LOGGING_TEXT)
    storage.format_folder(folder / LOG, node.id, cluster_id)
    return ProcessCommand(command_line(runtime, runtime.cache.flags() if runtime.cache else ()), folder)


def command_line(runtime: Runtime, flags: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the command line of a broker, with additional flags of the JVM."""
    return (*_java(runtime, (*BROKER_FLAGS, *flags)), "kafka.Kafka", SETTINGS)


def is_ready(port: int) -> bool:
    """Return whether the broker on this port answers a metadata request."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 2})
    try:
        return bool(client.list_topics(timeout=5).brokers)
    except KafkaException:
        return False


def tool_command(runtime: Runtime, class_name: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the command line of a Kafka tool, for example org.apache.kafka.tools.TopicCommand."""
    return (*_java(runtime, ("-Xmx256m",)), class_name, *arguments)


def kafka_tool(
    runtime: Runtime, class_name: str, arguments: Sequence[str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a Kafka tool in `folder` or the current folder, and return its result."""
    command = tool_command(runtime, class_name, arguments)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, umask=PRIVATE)


def _java(runtime: Runtime, flags: Sequence[str]) -> tuple[str, ...]:
    return (str(runtime.java), *JVM_FLAGS, *flags, "-cp", jars.class_path(runtime.jars))
