"""What is wrong is said once, and once that it is over."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from structlog.testing import capture_logs

from headrace.schemas.runtime.outage_log import OutageLog


def test_trouble_is_said_once_and_its_end_once() -> None:
    saying = OutageLog(queue="q")
    with capture_logs() as logs:
        for _ in range(3):
            saying.down("away")
        for _ in range(3):
            saying.recovered()

    assert logs == [
        {"event": "waiting", "on": "away", "queue": "q", "log_level": "warning"},
        {"event": "works again", "queue": "q", "log_level": "info"},
    ]


def test_other_trouble_is_said_as_well() -> None:
    saying = OutageLog()
    with capture_logs() as logs:
        saying.down("away")
        saying.down("forbidden")

    assert [line["on"] for line in logs] == ["away", "forbidden"]


def test_without_trouble_nothing_is_over() -> None:
    with capture_logs() as logs:
        OutageLog().recovered()

    assert logs == []


def test_many_threads_that_tell_the_same_make_one_line() -> None:
    saying, together = OutageLog(), threading.Barrier(8)

    def tell(_: int) -> None:
        together.wait(5)
        saying.down("away")
        together.wait(5)
        saying.recovered()

    with capture_logs() as logs, ThreadPoolExecutor(8) as threads:
        list(threads.map(tell, range(8)))

    assert [line["event"] for line in logs] == ["waiting", "works again"]
