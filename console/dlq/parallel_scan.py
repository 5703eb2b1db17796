"""Scan whole dead-letter topics, in several processes if there are many records.

All records of a dead letter are on one partition, so partitions are scanned independently and the results merged.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Protocol, TypeVar

from headrace.console.errors import CommandError
from headrace.console.explain import describe
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.kafka.topic_reader import TopicReader
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord

ScanResult = TypeVar("ScanResult")
ScanResult_co = TypeVar("ScanResult_co", covariant=True)
OnProgress = Callable[[int], None]
"""Called with the number of records read since the last call."""

SINGLE_PROCESS_RECORDS = 100_000
"""Below this number of records, one process is faster than several."""
PROGRESS_STEP = 5_000
"""Records between two progress reports of a process: a report per batch would take a tenth of the time."""


class PartitionScanner(Protocol[ScanResult_co]):
    """Scans one partition: takes its records in order, without values."""

    def take(self, records: list[ConsumerRecord]) -> None: ...
    def found(self) -> ScanResult_co: ...


@dataclass(frozen=True, slots=True)
class _Work(Generic[ScanResult]):
    """Some partitions, and a factory of scanners."""

    settings: KafkaSettings
    spans: Mapping[TopicAndPartition, OffsetRange]
    new_scanner: Callable[[], PartitionScanner[ScanResult]]

    def do(self, on_progress: OnProgress) -> list[ScanResult]:
        """Scan all of them."""
        scanners = {place: self.new_scanner() for place in self.spans}
        for records in TopicReader(self.settings).read(self.spans):
            scanners[records[0].topic, records[0].partition].take(records)
            on_progress(len(records))
        return [scanner.found() for scanner in scanners.values()]


def ignore_progress(_records: int) -> None:
    """Do nothing."""


def scan(
    settings: KafkaSettings,
    spans: Mapping[TopicAndPartition, OffsetRange],
    new_scanner: Callable[[], PartitionScanner[ScanResult]],
    on_progress: OnProgress = ignore_progress,
) -> list[ScanResult]:
    """Scan each partition with a scanner of its own. `new_scanner` and the results have to be picklable."""
    processes = 1 if records_in(spans) < SINGLE_PROCESS_RECORDS else os.cpu_count() or 1
    works = [_Work(settings, each, new_scanner) for each in share(spans, processes)]
    if len(works) > 1:
        return _together(works, on_progress)
    return [result for work in works for result in work.do(on_progress)]


def share(spans: Mapping[TopicAndPartition, OffsetRange], processes: int) -> list[dict[TopicAndPartition, OffsetRange]]:
    """Split partitions into shares of similar numbers of records; no share is empty."""
    shares: list[dict[TopicAndPartition, OffsetRange]] = [{} for _ in range(processes)]
    for place, span in sorted(spans.items(), key=lambda each: each[1].low - each[1].high):
        min(shares, key=records_in)[place] = span
    return [each for each in shares if each]


def records_in(spans: Mapping[TopicAndPartition, OffsetRange]) -> int:
    """Count the offsets of spans."""
    return sum(span.high - span.low for span in spans.values())


def _together(works: Sequence[_Work[ScanResult]], on_progress: OnProgress) -> list[ScanResult]:
    found: list[ScanResult] = []
    with _processes(works) as working:
        while working:
            ready = wait(working)
            for pipe in [pipe for pipe in working if pipe in ready]:
                message = _receive(pipe)
                if isinstance(message, int):
                    on_progress(message)
                else:
                    found += message
                    working.remove(pipe)
    return found


@contextmanager
def _processes(works: Sequence[_Work[Any]]) -> Iterator[list[Connection]]:
    """Run each work in its own process; terminate them at the end of the block."""
    context = multiprocessing.get_context("spawn")  # a fork would share the sockets of Kafka clients
    processes, pipes = [], []
    try:
        for work in works:
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_serve, args=(there, work), daemon=True)
            process.start()
            there.close()
            processes.append(process)
            pipes.append(here)
        yield pipes
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _serve(pipe: Connection, work: _Work[Any]) -> None:
    """Run a work in a process. It sends numbers as progress, then a list as result or a string as error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and terminates this process
    gc.disable()  # records are many small acyclic objects
    try:
        steps = _Steps(pipe.send)
        found = work.do(steps.add)
        steps.flush()
        pipe.send(found)
    except Exception as error:  # the parent raises it
        pipe.send(describe(error) or repr(error))


class _Steps:
    """Reports progress once it adds up to `PROGRESS_STEP`."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._unreported = 0

    def add(self, records: int) -> None:
        """Add a number of records."""
        self._unreported += records
        if self._unreported >= PROGRESS_STEP:
            self.flush()

    def flush(self) -> None:
        """Report the rest."""
        self._on_progress(self._unreported)
        self._unreported = 0


def _receive(pipe: Connection) -> Any:
    try:
        message = pipe.recv()
    except EOFError:
        raise CommandError("a process that scanned dead letters was killed") from None
    if isinstance(message, str):
        raise CommandError(message)
    return message
