"""Partitions are distributed evenly, and errors of child processes are raised."""

from __future__ import annotations

import multiprocessing

import pytest

from headrace.console.dlq.parallel_scan import PROGRESS_STEP, _receive, _Steps, records_in, scan, share
from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import OffsetRange
from headrace.schemas.kafka.settings import KafkaSettings

NOWHERE = KafkaSettings(bootstrap_servers="127.0.0.1:1")


def test_shares_are_balanced() -> None:
    spans = {("a.dlq", number): OffsetRange(0, size) for number, size in enumerate((100, 60, 50, 40, 30, 20))}
    shares = share(spans, 2)
    assert sorted(map(records_in, shares)) == [140, 160]
    assert {place: span for each in shares for place, span in each.items()} == spans


def test_no_share_is_empty() -> None:
    assert share({("a.dlq", 0): OffsetRange(5, 9)}, 4) == [{("a.dlq", 0): OffsetRange(5, 9)}]
    assert share({}, 4) == []


def test_scan_without_partitions_reads_nothing() -> None:
    assert scan(NOWHERE, {}, lambda: pytest.fail("no scanner is needed")) == []


def test_error_in_a_child_process_is_raised() -> None:
    here, there = multiprocessing.Pipe(duplex=False)
    there.send("no Kafka at 127.0.0.1:1")
    with pytest.raises(CommandError, match="no Kafka"):
        _receive(here)


def test_killed_child_process_is_an_error() -> None:
    here, there = multiprocessing.Pipe(duplex=False)
    there.close()
    with pytest.raises(CommandError, match="was killed"):
        _receive(here)


def test_progress_adds_up_to_all_records() -> None:
    heard: list[int] = []
    steps = _Steps(heard.append)
    for _ in range(9):
        steps.add(PROGRESS_STEP // 4)
    assert heard == [PROGRESS_STEP, PROGRESS_STEP]
    steps.flush()
    assert heard == [PROGRESS_STEP, PROGRESS_STEP, PROGRESS_STEP // 4]
