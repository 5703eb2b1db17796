"""A source of records that waits while Kafka does not answer."""

from __future__ import annotations

import time
from typing import Protocol

from confluent_kafka import KafkaException

from headrace.console.views.log_source import Poll, RecordSource
from headrace.console.views.outages import MAX_RETRY_SECONDS, RETRY_SECONDS, Sleep, reason
from headrace.schemas.runtime.backoff import backoff_seconds
from headrace.schemas.runtime.outage_log import OutageLog


class ReopenableSource(RecordSource, Protocol):
    """A source that can continue after an exception."""

    def reopen(self) -> None:
        """Continue at the stored offsets after an exception of `poll`."""
        ...


class WaitingSource:
    """Turns each exception of Kafka into a poll without records. The process reads on from the stored offsets.

    `poll` returns after each attempt, so that the caller can do other work.
    """

    def __init__(self, source: ReopenableSource, sleep: Sleep = time.sleep) -> None:
        self._source = source
        self._sleep = sleep
        self._outage = OutageLog(dependency="Kafka")
        self._failures = 0
        self._failed = False

    def poll(self, seconds: float) -> Poll:
        """Return records, if there are some within a time; none after an error."""
        try:
            if self._failed:
                self._source.reopen()
            poll = self._source.poll(seconds)
        except KafkaException as error:
            self._failed = True
            self._failures += 1
            self._outage.down(reason(error))
            self._sleep(backoff_seconds(self._failures, RETRY_SECONDS, MAX_RETRY_SECONDS))
            return Poll([], {}, {})
        self._failed = False
        if poll.records or poll.finished:
            self._failures = 0
            self._outage.recovered()
        return poll

    def seek(self) -> None:
        """Read every partition from its stored offset on again."""
        self._source.seek()

    def caught_up(self) -> bool:
        """Whether every partition was read to its end."""
        return self._source.caught_up()
