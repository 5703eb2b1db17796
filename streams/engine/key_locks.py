"""Keys of which nothing may run now, because an earlier record of theirs stepped aside to be tried again later.

A record that waits in `<stage>.retry` is known by the place of its first delivery, which its headers tell: so it is the
same record when a stage sends it there and when it comes back, and when it lies there twice.
"""

from __future__ import annotations

from collections import defaultdict

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.headers import RETRY_TOPIC, record_history

PartitionKey = tuple[str, int, int]


class KeyLocks:
    """Which keys are held, and by which records. Each hold is part of an assignment, and ends with it."""

    def __init__(self) -> None:
        self._by: defaultdict[object, dict[PartitionKey, object]] = defaultdict(dict)

    def __contains__(self, key: object) -> bool:
        return key in self._by

    def add(self, record: ConsumerRecord, assignment: object) -> None:
        """Hold a record's key until the record itself has ended."""
        if record.key is not None:
            self._by[record.key][_place(record)] = assignment

    def release(self, record: ConsumerRecord) -> None:
        """Note that a record has ended. Its key may still be held by others."""
        held = self._by.get(record.key)
        if held is not None:
            held.pop(_place(record), None)
            if not held:
                del self._by[record.key]

    def release_assignment(self, assignment: object) -> list[object]:
        """Drop what an assignment held; name the keys that are free. What matters of it is read again."""
        freed = []
        for key, held in list(self._by.items()):
            for place in [place for place, by in held.items() if by is assignment]:
                del held[place]
            if not held:
                del self._by[key]
                freed.append(key)
        return freed


def is_retry(record: ConsumerRecord) -> bool:
    """Whether a record comes from a retry topic, and so is earlier than what comes of its key from elsewhere."""
    return record.topic.endswith(RETRY_TOPIC)


def _place(record: ConsumerRecord) -> PartitionKey:
    origin = record_history(record)
    return origin.topic, origin.partition, origin.offset
