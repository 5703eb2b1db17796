"""An outage of Kafka is two log lines, whatever the clients of aiokafka log."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from headrace.streams.kafka import client_log
from headrace.streams.kafka.client_log import QUIET_SECONDS, ClientLog
from tests.support.captured_logs import captured_logs


@pytest.fixture
def library() -> Iterator[logging.Logger]:
    """The logger of aiokafka; the test changes it."""
    library = logging.getLogger("aiokafka")
    handlers, propagates = list(library.handlers), library.propagate
    yield library
    library.handlers, library.propagate = handlers, propagates


def test_errors_of_an_outage_are_one_line_and_its_end_another(library: logging.Logger) -> None:
    now = 100.0
    handler = ClientLog(lambda: now)
    library.handlers, library.propagate = [handler], False
    with captured_logs(client_log, logging.DEBUG) as logs:
        for number in range(3000):
            logging.getLogger("aiokafka.client").error("Unable to update metadata from %s", [number])
            logging.getLogger("aiokafka.consumer").warning("Failed fetch")
            handler.answered()  # a client has a connection, and another does not
        now += QUIET_SECONDS + 0.1
        handler.answered()
        handler.answered()
        logging.getLogger("aiokafka.cluster").error("Topic a not found in cluster metadata")

    shown = [(line["event"], line.get("reason")) for line in logs if line["log_level"] != "debug"]
    assert shown == [
        ("dependency_unavailable", "Unable to update metadata from [0]"),
        ("dependency_recovered", None),
        ("dependency_unavailable", "Topic a not found in cluster metadata"),
    ]
    assert sum(line["log_level"] == "debug" for line in logs) == 3001


def test_log_is_installed_once(library: logging.Logger) -> None:
    client_log.install()
    client_log.install()

    assert sum(isinstance(handler, ClientLog) for handler in library.handlers) == 1
    assert not library.propagate
