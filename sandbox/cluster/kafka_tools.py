"""Classes of the Kafka command-line tools, by the script names of the Kafka distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

TOOLS: Mapping[str, str] = MappingProxyType(
    {
        "topics": "org.apache.kafka.tools.TopicCommand",
        "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
        "console-producer": "org.apache.kafka.tools.ConsoleProducer",
        "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        "groups": "org.apache.kafka.tools.GroupsCommand",
        "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
        "configs": "kafka.admin.ConfigCommand",
        "delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
        "log-dirs": "org.apache.kafka.tools.LogDirsCommand",
        "producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
        "consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    }
)


def with_bootstrap_server(arguments: Sequence[str], server: str) -> list[str]:
    """Add the broker's address to a tool's arguments, unless they have one."""
    named = any(argument.split("=")[0] == "--bootstrap-server" for argument in arguments)
    return list(arguments) if named else ["--bootstrap-server", server, *arguments]
