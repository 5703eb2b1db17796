"""Start-up checks of the bridge."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from structlog.testing import capture_logs

from headrace.connectors import readiness
from headrace.connectors.bridge.message_states import BridgeCounts
from headrace.connectors.bridge.queue import QueueUnavailableError
from headrace.connectors.bridge.service import open_source, serve
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde.codec import Codec
from tests.support.process import wait_for
from tests.unit.connectors.aws.sqs_server import QUEUE, SqsServer

NOWHERE = KafkaSettings(bootstrap_servers="127.0.0.1:9")
REFUSED = {"Failed": [{"Id": "0", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}]}


@pytest.fixture
def server(server: SqsServer) -> SqsServer:
    server.answers.extend([REFUSED] * 2)
    return server


def given(**changes: Any) -> BridgeSettings:
    return BridgeSettings(**{"queue_urls": QUEUE, **changes})


def test_open_source_returns_the_visibility_timeout(server: SqsServer) -> None:
    server.answers.append({"Attributes": {"VisibilityTimeout": "60"}})

    with capture_logs() as logs:
        source = open_source(QUEUE, given())

    assert (source.queue.url, source.visibility_timeout) == (QUEUE, 60)
    assert [each.operation for each in server.requests] == [
        "DeleteMessageBatch",
        "ChangeMessageVisibilityBatch",
        "GetQueueAttributes",
    ]
    assert logs == []


def test_open_source_rejects_a_zero_visibility_timeout(server: SqsServer) -> None:
    server.answers.append({"Attributes": {"VisibilityTimeout": "0"}})

    with pytest.raises(QueueUnavailableError, match=r"visibility timeout is 0.*set it to 30 s"):
        open_source(QUEUE, given())


@pytest.mark.parametrize(("policy", "lines"), [({}, 1), ({"RedrivePolicy": "{}"}, 0)])
def test_leave_unreadable_without_redrive_policy_is_logged(
    server: SqsServer, policy: dict[str, str], lines: int
) -> None:
    server.answers.append({"Attributes": {"VisibilityTimeout": "30", **policy}})

    with capture_logs() as logs:
        open_source(QUEUE, given(leave_unreadable=True))

    assert len(logs) == lines
    assert all(line["queue"] == QUEUE and "redrive" in line["reason"] for line in logs)


def test_stop_while_waiting_for_kafka_returns_zero_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    look, looks = readiness.missing_dependencies, list[str]()

    def looking(cluster: KafkaSettings, codec: Codec) -> str:
        looks.append(look(cluster, codec))
        return looks[-1]

    monkeypatch.setattr(readiness, "RESPONSE_SECONDS", 0.2)
    monkeypatch.setattr(readiness, "missing_dependencies", looking)
    stop, counts = threading.Event(), list[BridgeCounts]()
    with capture_logs() as logs:
        running = threading.Thread(target=lambda: counts.append(serve(given(), NOWHERE, stop)))
        running.start()
        wait_for(lambda: len(looks) > 2, "three looks for Kafka")
        stop.set()
        running.join(25)

    assert counts == [BridgeCounts()]
    assert [(line["event"], line["reason"]) for line in logs] == [
        ("dependency_unavailable", "no Kafka at 127.0.0.1:9: start it, or correct HEADRACE_BOOTSTRAP_SERVERS")
    ]
