"""A broker with TLS, SASL and ACLs per user."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from headrace.console.pipeline.acls import AclRule
from headrace.sandbox.cluster import components as parts
from headrace.sandbox.cluster import jars, kafka_broker
from headrace.sandbox.cluster.ports import free_port
from headrace.sandbox.names import HOST
from tests.support.fake_sns import Authority
from tests.support.process import wait_for

NODE_NUMBER = 1
CLUSTER_ID = "guarded00000000000000A"
LISTENER = "listener.name.guarded"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"


def unsecured_token(user: str) -> str:
    """Return an unsigned token, which Kafka's validator for tests accepts."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": user, "iat": now, "exp": now + 300})
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*texts, ""])


@dataclass(frozen=True)
class Guarded:
    """Addresses of the broker: users connect to `guarded` (TLS, trust `ca_file`), tests to `inside` (plaintext)."""

    inside: str
    guarded: str
    ca_file: Path

    def variables(self, user: str, password: str = "secret") -> dict[str, str]:
        """Return the settings with which Headrace logs in as a user."""
        return {
            "HEADRACE_BOOTSTRAP_SERVERS": self.guarded,
            "HEADRACE_KAFKA_TLS": "true",
            "HEADRACE_KAFKA_CA_FILE": str(self.ca_file),
            "HEADRACE_KAFKA_SASL": "SCRAM-SHA-512",
            "HEADRACE_KAFKA_USER": user,
            "HEADRACE_KAFKA_PASSWORD": password,
        }

    def admit(self, user: str, password: str = "secret") -> None:
        """Create a user."""
        credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        upsert = UserScramCredentialUpsertion(user, credential, password.encode())
        admin = self._admin()
        for future in admin.alter_user_scram_credentials([upsert]).values():
            future.result()

    def allow(self, user: str, rules: Iterable[AclRule]) -> None:
        """Create ACLs for a user."""
        admin = self._admin()
        for future in admin.create_acls([_binding(user, rule) for rule in rules]).values():
            future.result()

    def _admin(self) -> AdminClient:
        """Return a client; it must stay referenced until its futures are done."""
        return AdminClient({"bootstrap.servers": self.inside, "log_level": 2})


@contextmanager
def guarded_broker(folder: Path) -> Iterator[Guarded]:
    """Run the broker for the duration of the block."""
    runtime = parts.runtime()
    jars.ensure(runtime.jars)
    ports: list[int] = []
    for _ in range(3):
        ports.append(free_port(None, ports, random.Random()))
    node = kafka_broker.BrokerNode(NODE_NUMBER, ports[0], ports[1])
    command = kafka_broker.prepare(runtime, folder / "node", node, [node], CLUSTER_ID)
    with (folder / "node" / kafka_broker.SETTINGS).open("a", encoding="utf-8") as settings:
        settings.write(_settings(folder, node, ports[2]))  # the last value of a repeated property applies
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(command.argv, cwd=command.folder, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(lambda: process.poll() is not None or kafka_broker.is_ready(node.port), "the guarded broker")
        assert process.poll() is None, (folder / "broker.log").read_text()[-2000:]
        yield Guarded(f"{HOST}:{node.port}", f"localhost:{ports[2]}", folder / "ca.pem")
    finally:
        process.kill()
        process.wait()


def _settings(folder: Path, node: kafka_broker.BrokerNode, port: int) -> str:
    authority = Authority("brokers", datetime.now(UTC))
    (folder / "broker.pem").write_bytes(authority.issue("localhost").pem_with_key + authority.issuer.pem)
    (folder / "ca.pem").write_bytes(authority.root.pem)
    inside, controller = f"PLAINTEXT://{HOST}:{node.port}", f"CONTROLLER://{HOST}:{node.controller_port}"
    settings = {
        "listeners": f"{inside},{controller},GUARDED://{HOST}:{port}",
        "advertised.listeners": f"{inside},GUARDED://localhost:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_SSL",
        f"{LISTENER}.sasl.enabled.mechanisms": "SCRAM-SHA-512,OAUTHBEARER",
        f"{LISTENER}.oauthbearer.sasl.jaas.config": f"{OAUTH} required unsecuredLoginStringClaim_sub=broker;",
        f"{LISTENER}.scram-sha-512.sasl.jaas.config": SCRAM,
        f"{LISTENER}.ssl.keystore.type": "PEM",
        f"{LISTENER}.ssl.keystore.location": folder / "broker.pem",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:admin",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _binding(user: str, rule: AclRule) -> AclBinding:
    return AclBinding(
        ResourceType[rule.resource.upper()],
        rule.name,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation[rule.operation.upper()],
        AclPermissionType.ALLOW,
    )
