"""The records of a stage that wait for an outage to end."""

from __future__ import annotations

from collections.abc import Callable

from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.runtime.outage_log import OutageEvents, OutageLog
from headrace.streams.engine import metrics

PAUSE_EVENTS = OutageEvents("stage_paused", "stage_resumed")

RecordPosition = tuple[str, int, int]
"""Topic, partition and offset of a record."""


def position_of(record: ConsumerRecord) -> RecordPosition:
    """Return the position of a record."""
    return record.topic, record.partition, record.offset


class OutagePause:
    """Tracks the records of a stage that wait for an outage to end. Logs its start and its end once, with any reason.

    `changed` is called with the reason when the first record waits, and with "" when none does.
    """

    def __init__(self, stage: str, changed: Callable[[str], None]) -> None:
        self._stage = stage
        self._changed = changed
        self._waiting: set[RecordPosition] = set()
        self._log = OutageLog(events=PAUSE_EVENTS, stage=stage)
        self.why = ""

    def hold(self, record: RecordPosition, why: str) -> None:
        """Add a waiting record."""
        self._waiting.add(record)
        if not self.why:
            self._log.down(why)
            metrics.PAUSED.labels(self._stage).set(1)
            self._notify(why)
        self.why = why

    def over(self, record: RecordPosition) -> None:
        """Remove a waiting record, if present."""
        self._waiting.discard(record)
        if self.why and not self._waiting:
            self._log.recovered()
            metrics.PAUSED.labels(self._stage).set(0)
            self._notify("")
            self.why = ""

    def _notify(self, why: str) -> None:
        try:
            self._changed(why)
        except Exception as error:  # a report must not change what happens to a record
            metrics.log.error("status_report_failed", stage=self._stage, reason=repr(error))
