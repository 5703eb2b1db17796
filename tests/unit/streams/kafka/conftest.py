from __future__ import annotations

import pytest

from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from tests.unit.streams.kafka.fakes import nothing


@pytest.fixture
def scheduler() -> KeyedScheduler:
    return KeyedScheduler(RecordHandler(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0)
