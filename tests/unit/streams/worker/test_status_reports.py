"""Tests of the status reports of a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from headrace.schemas.messages import ProducerRecord, SendError
from headrace.schemas.redaction import PLACEHOLDER
from headrace.streams.worker.status_reports import StageStatusReport, StatusReporter, read
from tests.support.records import NOW


class Broker:
    def __init__(self) -> None:
        self.sent: list[ProducerRecord] = []
        self.gone = False

    async def send(self, messages: Sequence[ProducerRecord]) -> None:
        if self.gone:
            raise SendError("system.workers", "no broker", final=False)
        self.sent += messages


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def reports(broker: Broker) -> StatusReporter:
    producer: Any = broker
    return StatusReporter(producer, "host-7", lambda: NOW)


async def test_reports_a_pause_with_its_reason(broker: Broker, reports: StatusReporter) -> None:
    reports.report_soon("scan", "paused", "no bucket")
    await asyncio.sleep(0)
    [message] = broker.sent
    assert (message.topic, message.key) == ("system.workers", b"scan/host-7")
    assert read(message.value or b"") == StageStatusReport("scan", "host-7", "paused", "no bucket", NOW)


async def test_reason_of_a_pause_is_safe_text(broker: Broker, reports: StatusReporter) -> None:
    await reports.send("scan", "paused", "token=CANARY\n\x1b[31m")
    report = read(broker.sent[0].value or b"")
    assert report
    assert report.why == rf"token={PLACEHOLDER}\n\x1b[31m"


async def test_deletes_the_report_of_a_stopped_stage(broker: Broker, reports: StatusReporter) -> None:
    await reports.send("scan", "stopped")
    assert broker.sent[0].value is None


async def test_stage_stops_without_a_broker(broker: Broker, reports: StatusReporter) -> None:
    broker.gone = True
    await reports.send("scan", "stopped")
    assert not broker.sent


def test_invalid_report_is_none() -> None:
    assert read(b"garbage") is None
