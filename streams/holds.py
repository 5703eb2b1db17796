"""Keys of which nothing may run now, because an earlier record of theirs stepped aside to be tried again later.

A record that waits in `<stage>.retry` is known by the place of its first delivery, which its headers tell: so it is the
same record when a stage sends it there and when it comes back, and when it lies there twice.
"""

from __future__ import annotations

from collections import defaultdict

from schemas.message import Received
from streams.origin import RETRY_TOPIC, origin_of

Place = tuple[str, int, int]


class Holds:
    """Which keys are held, and by which records."""

    def __init__(self) -> None:
        self._by: defaultdict[object, set[Place]] = defaultdict(set)

    def __contains__(self, key: object) -> bool:
        return key in self._by

    def add(self, record: Received) -> None:
        """Hold a record's key until the record itself has ended."""
        if record.key is not None:
            self._by[record.key].add(_place(record))

    def release(self, record: Received) -> None:
        """Note that a record has ended. Its key may still be held by others."""
        held = self._by.get(record.key)
        if held is not None:
            held.discard(_place(record))
            if not held:
                del self._by[record.key]

    def forget(self, topic_partition: tuple[str, int]) -> list[object]:
        """Drop what is known of a partition's records, now that others own it; name the keys that are free."""
        freed = []
        for key, places in list(self._by.items()):
            places -= {place for place in places if place[:2] == topic_partition}
            if not places:
                del self._by[key]
                freed.append(key)
        return freed


def is_retry(record: Received) -> bool:
    """Whether a record comes from a retry topic, and so is earlier than what comes of its key from elsewhere."""
    return record.topic.endswith(RETRY_TOPIC)


def _place(record: Received) -> Place:
    origin = origin_of(record)
    return origin.topic, origin.partition, origin.offset
