"""Reads whole dead-letter topics, on several processors where that pays.

A letter never leaves its partition, so that each partition can be looked at alone and what was found adds up.
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
"""Hears of so many more records that have been read."""

SINGLE_PROCESS_RECORDS = 100_000
"""Records for which no process is worth its start."""
PROGRESS_STEP = 5_000
"""Records after which a process tells how far it is: to tell it of each batch takes a tenth of the time."""


class PartitionScanner(Protocol[ScanResult_co]):
    """What is to be seen in one partition, whose records it is given in their order, without their values."""

    def take(self, records: list[ConsumerRecord]) -> None: ...
    def found(self) -> ScanResult_co: ...


@dataclass(frozen=True, slots=True)
class _Work(Generic[ScanResult]):
    """Some partitions, and how to look at each."""

    settings: KafkaSettings
    spans: Mapping[TopicAndPartition, OffsetRange]
    look: Callable[[], PartitionScanner[ScanResult]]

    def do(self, heard: OnProgress) -> list[ScanResult]:
        """Look at each, all at once."""
        looks = {place: self.look() for place in self.spans}
        for records in TopicReader(self.settings).read(self.spans):
            looks[records[0].topic, records[0].partition].take(records)
            heard(len(records))
        return [look.found() for look in looks.values()]


def ignore_progress(_records: int) -> None:
    """Nobody wants to know."""


def scan(
    settings: KafkaSettings,
    spans: Mapping[TopicAndPartition, OffsetRange],
    look: Callable[[], PartitionScanner[ScanResult]],
    heard: OnProgress = ignore_progress,
) -> list[ScanResult]:
    """Have a new look at each partition, and give what they found. `look` and what is found have to be picklable."""
    ways = 1 if records_in(spans) < SINGLE_PROCESS_RECORDS else os.cpu_count() or 1
    works = [_Work(settings, each, look) for each in share(spans, ways)]
    return _together(works, heard) if len(works) > 1 else [each for work in works for each in work.do(heard)]


def share(spans: Mapping[TopicAndPartition, OffsetRange], ways: int) -> list[dict[TopicAndPartition, OffsetRange]]:
    """Share partitions out so that everyone has about as many records; nobody gets nothing."""
    shares: list[dict[TopicAndPartition, OffsetRange]] = [{} for _ in range(ways)]
    for place, span in sorted(spans.items(), key=lambda each: each[1].low - each[1].high):
        min(shares, key=records_in)[place] = span
    return [each for each in shares if each]


def records_in(spans: Mapping[TopicAndPartition, OffsetRange]) -> int:
    """Count the offsets of spans."""
    return sum(span.high - span.low for span in spans.values())


def _together(works: Sequence[_Work[ScanResult]], heard: OnProgress) -> list[ScanResult]:
    found: list[ScanResult] = []
    with _processes(works) as working:
        while working:
            ready = wait(working)
            for pipe in [pipe for pipe in working if pipe in ready]:
                said = _hear(pipe)
                if isinstance(said, int):
                    heard(said)
                else:
                    found += said
                    working.remove(pipe)
    return found


@contextmanager
def _processes(works: Sequence[_Work[Any]]) -> Iterator[list[Connection]]:
    """Have each work done by a process of its own, for as long as the block lasts."""
    context = multiprocessing.get_context("spawn")  # a fork would share the sockets of clients that are at work here
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
    """Do a work in a process: numbers on the pipe are steps, a list is what was found, words are what went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which ends this process
    gc.disable()  # records are many small objects without cycles, which it would look through again and again
    try:
        steps = _Steps(pipe.send)
        found = work.do(steps.hear)
        steps.tell()
        pipe.send(found)
    except Exception as error:  # the other end of the pipe has to hear of it, whatever it was
        pipe.send(describe(error) or repr(error))


class _Steps:
    """Passes on what it hears, once that has added up to a step."""

    def __init__(self, heard: OnProgress) -> None:
        self._heard = heard
        self._unsaid = 0

    def hear(self, records: int) -> None:
        """Add some."""
        self._unsaid += records
        if self._unsaid >= PROGRESS_STEP:
            self.tell()

    def tell(self) -> None:
        """Pass on what there is."""
        self._heard(self._unsaid)
        self._unsaid = 0


def _hear(pipe: Connection) -> Any:
    try:
        said = pipe.recv()
    except EOFError:
        raise CommandError("a process that read dead letters was killed") from None
    if isinstance(said, str):
        raise CommandError(said)
    return said
