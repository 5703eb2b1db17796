"""The official Kafka image as a test container; the class of testcontainers does not support it."""

from __future__ import annotations

import socket

from testcontainers.core.container import DockerContainer

from tests.containers.engine import kafka_image


class ApacheKafkaContainer(DockerContainer):
    """One broker with its own controller on a free port, configured by KAFKA_* variables."""

    def __init__(self) -> None:
        super().__init__(kafka_image())
        self.port = free_port()
        self.with_bind_ports(self.port, self.port)
        for name, value in {
            "NODE_ID": "1",
            "PROCESS_ROLES": "broker,controller",
            "LISTENERS": f"PLAINTEXT://:{self.port},CONTROLLER://:29093",
            "ADVERTISED_LISTENERS": f"PLAINTEXT://localhost:{self.port}",
            "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "CONTROLLER_QUORUM_VOTERS": "1@localhost:29093",
            "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "LOG_DIRS": "/var/lib/kafka/data",
        }.items():
            self.with_env(f"KAFKA_{name}", value)

    @property
    def bootstrap_servers(self) -> str:
        """The bootstrap address for clients on this machine."""
        return f"localhost:{self.port}"

    def restart(self) -> None:
        """Restart the broker; its data is kept."""
        self.get_wrapped_container().restart(timeout=30)


def free_port() -> int:
    """Return a port without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
