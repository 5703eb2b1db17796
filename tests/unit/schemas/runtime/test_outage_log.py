"""`OutageLog` logs the start and the end of an outage once each."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from structlog.testing import capture_logs

from headrace.schemas.runtime.outage_log import OutageLog


def test_start_and_end_of_an_outage_are_logged_once() -> None:
    times = iter((10.0, 12.5))
    outage = OutageLog(clock=lambda: next(times), queue="q")
    with capture_logs() as logs:
        for _ in range(3):
            outage.down("away")
        for _ in range(3):
            outage.recovered()

    assert logs == [
        {"event": "dependency_unavailable", "reason": "away", "queue": "q", "log_level": "warning"},
        {"event": "dependency_recovered", "duration_ms": 2500, "queue": "q", "log_level": "info"},
    ]


def test_another_reason_is_logged() -> None:
    outage = OutageLog()
    with capture_logs() as logs:
        outage.down("away")
        outage.down("forbidden")

    assert [line["reason"] for line in logs] == ["away", "forbidden"]


def test_recovery_without_an_outage_is_not_logged() -> None:
    with capture_logs() as logs:
        OutageLog().recovered()

    assert logs == []


def test_reports_from_many_threads_make_one_line() -> None:
    outage, together = OutageLog(), threading.Barrier(8)

    def report(_: int) -> None:
        together.wait(25)
        outage.down("away")
        together.wait(25)
        outage.recovered()

    with capture_logs() as logs, ThreadPoolExecutor(8) as threads:
        list(threads.map(report, range(8)))

    assert [line["event"] for line in logs] == ["dependency_unavailable", "dependency_recovered"]
