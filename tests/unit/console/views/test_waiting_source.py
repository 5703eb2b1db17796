"""No error of Kafka ends a projector that runs as a service."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from headrace.console.views.log_source import Poll
from headrace.console.views.waiting_source import WaitingSource

ERRORS = (
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._MAX_POLL_EXCEEDED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError._FATAL,
)
FOUND = Poll([], {}, {("media.scanned", 0): 7})


class FailingSource:
    """A source whose polls raise errors, and then find the end of a partition."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)
        self.calls: list[str] = []

    def poll(self, seconds: float) -> Poll:
        """Raise the next error, if there is one left."""
        self.calls.append("poll")
        if self.errors:
            raise KafkaException(KafkaError(self.errors.pop(0)))
        return FOUND

    def reopen(self) -> None:
        """Note the call."""
        self.calls.append("reopen")

    def seek(self) -> None:
        """Note the call."""
        self.calls.append("seek")

    def caught_up(self) -> bool:
        """Whether there are no errors left."""
        return not self.errors


@pytest.mark.parametrize("code", ERRORS)
def test_source_is_opened_again_after_each_error(code: int) -> None:
    failing, waits = FailingSource(code, code), list[float]()
    source = WaitingSource(failing, waits.append)

    with capture_logs() as logs:
        found = [source.poll(0.1) for _ in range(4)]

    assert found == [Poll([], {}, {}), Poll([], {}, {}), FOUND, FOUND]
    assert failing.calls == ["poll", "reopen", "poll", "reopen", "poll", "poll"]
    assert waits == [0.5, 1.0]
    assert [line["event"] for line in logs] == ["dependency_unavailable", "dependency_recovered"]
    assert source.caught_up()
