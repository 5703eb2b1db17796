"""Task and timer shared by all peer benchmarks."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """The topic, the consumer group and the number of records to read."""

    bootstrap_servers: str
    reads: str
    group: str
    records: int
    variant: str = ""


def task() -> Task:
    """Parse the task, JSON on the command line."""
    return Task(**json.loads(sys.argv[1]))


class Clock:
    """Times the first to the last record, then exits the process."""

    def __init__(self, records: int) -> None:
        self._wanted = records
        self._seen = 0
        self._begun = 0.0

    def tick(self, records: int = 1) -> None:
        """Count records."""
        if not self._seen:
            self._begun = time.perf_counter()
        self._seen += records
        if self._seen >= self._wanted:
            self._stop()

    def _stop(self) -> None:
        seconds = time.perf_counter() - self._begun
        print(json.dumps({"records": self._seen, "seconds": seconds}), flush=True)
        os._exit(0)
