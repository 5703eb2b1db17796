"""A Kafka broker that is its own controller (KRaft, KIP-500), and Kafka's own tools."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.sandbox.cluster import jars
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.names import HOST

HEAP = "256m"
# All paths are relative to the node's folder: Kafka and Log4j would split an absolute one at its commas.
SETTINGS = "server.properties"
LOGGING = "log4j2.xml"
LOG = "log"
JVM_FLAGS = (
    "-Xms32m",
    # One user and short runs: a quick start and few threads are worth more than the last bit of throughput.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xss512k",
    # The compression libraries are native; Java 24 and later warn of each.
    "--enable-native-access=ALL-UNNAMED",
)
LOGGING_TEXT = """\
<Configuration status="ERROR" shutdownHook="disable">
  <Appenders><Console name="log"><PatternLayout pattern="%d{ISO8601} %p %c{1}: %m%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="log"/></Root></Loggers>
</Configuration>
"""


@dataclass(frozen=True, slots=True)
class BrokerNode:
    """A broker and controller of a cluster: its id and its two ports."""

    id: int
    port: int
    controller_port: int


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs Kafka's classes: a Java and the folder of its jars."""

    java: Path
    jars: Path


def properties(node: BrokerNode, quorum: Sequence[BrokerNode]) -> str:
    """The text of server.properties for one node of a cluster whose nodes all vote."""
    copies = min(3, len(quorum))
    in_sync = max(1, copies - 1)
    voters = ",".join(f"{voter.id}@{HOST}:{voter.controller_port}" for voter in quorum)
    settings = {
        "process.roles": "broker,controller",
        "node.id": node.id,
        "listeners": f"PLAINTEXT://{HOST}:{node.port},CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{node.port}",
        "controller.listener.names": "CONTROLLER",
        # Named voters, no dynamic quorum (KIP-853): that one remembers ports, and ours may change between starts.
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
        # A broker that was killed may come back only when its old session is over; by default after 9 s.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,
        # So that tests can have a dead consumer noticed quickly.
        "group.min.session.timeout.ms": 1000,
        # Memory that the log cleaner takes at once; 128 MB by default.
        "log.cleaner.dedupe.buffer.size": 2 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def prepare(
    runtime: Runtime, folder: Path, node: BrokerNode, quorum: Sequence[BrokerNode], cluster_id: str
) -> ProcessCommand:
    """Make a folder ready for one node and say how to start it. What the folder holds is kept.

    `cluster_id` is 22 characters of base64, the same on all nodes; it counts only when the folder is a new one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SETTINGS).write_text(properties(node, quorum), encoding="utf-8")
    (folder / LOGGING).write_text(LOGGING_TEXT, encoding="utf-8")
    if not (folder / LOG / "meta.properties").exists():
        _format(runtime, folder, cluster_id)
    flags = (f"-Xmx{HEAP}", f"-Dlog4j2.configurationFile={LOGGING}")
    return ProcessCommand((*_java(runtime, flags), "kafka.Kafka", SETTINGS), folder)


def is_ready(port: int) -> bool:
    """Whether the broker on this port answers a metadata request."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 2})
    try:
        return bool(client.list_topics(timeout=5).brokers)
    except KafkaException:
        return False


def tool_command(runtime: Runtime, class_name: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """The command line that runs one of Kafka's own tools, for example org.apache.kafka.tools.TopicCommand."""
    return (*_java(runtime, ("-Xmx256m",)), class_name, *arguments)


def kafka_tool(
    runtime: Runtime, class_name: str, arguments: Sequence[str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of Kafka's own tools to its end, in `folder` or in our own, and return what it wrote."""
    command = tool_command(runtime, class_name, arguments)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _format(runtime: Runtime, folder: Path, cluster_id: str) -> None:
    # With "=", because a random id may begin with a dash.
    arguments = ["format", f"--cluster-id={cluster_id}", f"--config={SETTINGS}", "--ignore-formatted"]
    done = kafka_tool(runtime, "kafka.tools.StorageTool", arguments, folder)
    if done.returncode:
        said = (done.stderr or done.stdout).partition("\n")[0]
        raise SandboxError(f"Kafka cannot make its data folder {folder}: {said}")


def _java(runtime: Runtime, flags: Sequence[str]) -> tuple[str, ...]:
    return (str(runtime.java), *JVM_FLAGS, *flags, "-cp", jars.class_path(runtime.jars))
