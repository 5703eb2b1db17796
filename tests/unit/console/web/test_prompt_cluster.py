"""Pages that read Kafka in the request fail soon while it does not answer, and say since when."""

from __future__ import annotations

import socket
import threading

import pytest

from headrace.console.errors import UnavailableError
from headrace.console.kafka import renewed_client
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.terminal.formatting import format_time
from headrace.console.web import prompt_cluster
from headrace.console.web.background_value import Latest
from headrace.console.web.prompt_cluster import PromptCluster
from headrace.schemas.kafka.settings import KafkaSettings
from tests.support.records import NOW


@pytest.mark.parametrize("accepts", [True, False])
def test_silent_or_absent_kafka_is_an_outage(accepts: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if not accepts:
            listener.close()
        settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}", kafka_timeout_seconds=600)
        cluster = PromptCluster(settings, lambda: Latest(None, None, "down", NOW.timestamp()))
        found: list[str] = []

        def connect() -> None:
            with pytest.raises(UnavailableError) as caught:
                cluster.connect()
            found.append(str(caught.value))

        thread = threading.Thread(target=connect, daemon=True)
        thread.start()
        thread.join(60)  # far less than the timeout of Kafka
    assert found == [
        f"Kafka at 127.0.0.1:{port} has not answered since {format_time(NOW.timestamp())}: this page needs it"
    ]


def test_begin_of_an_outage_is_left_out_while_it_is_unknown() -> None:
    cluster = PromptCluster(KafkaSettings(bootstrap_servers="127.0.0.1:1"), Latest)
    with pytest.raises(UnavailableError, match=r"does not answer: this page needs it"):
        cluster.connect()


def test_client_that_does_not_reconnect_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    created: list[KafkaAdmin] = []

    class SilentOnce(KafkaAdmin):
        def __init__(self, *options: object, **more: object) -> None:
            created.append(self)

        def answers(self, seconds: float) -> bool:
            return len(created) > 1

    monkeypatch.setattr(prompt_cluster, "KafkaAdmin", SilentOnce)
    monkeypatch.setattr(renewed_client, "PATIENCE_SECONDS", 0.0)
    cluster = PromptCluster(KafkaSettings(bootstrap_servers="127.0.0.1:1"), Latest)
    with pytest.raises(UnavailableError):
        cluster.connect()
    assert cluster.connect() is created[1]
    assert cluster.connect() is created[1]
