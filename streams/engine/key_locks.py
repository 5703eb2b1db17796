"""Keys blocked by an earlier record that is waiting for a retry.

A record in `<stage>.retry` is identified by the topic, partition and offset of its first delivery, which its headers
contain. Copies of it in the retry topic are therefore the same record.
"""

from __future__ import annotations

from collections import defaultdict

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.headers import RETRY_TOPIC, record_history

PartitionKey = tuple[str, int, int]


class KeyLocks:
    """The locked keys and the records that lock them. A lock ends with its assignment."""

    def __init__(self) -> None:
        self._locks: defaultdict[object, dict[PartitionKey, object]] = defaultdict(dict)

    def __contains__(self, key: object) -> bool:
        return key in self._locks

    def add(self, record: ConsumerRecord, assignment: object) -> None:
        """Lock a record's key until the record is finished."""
        if record.key is not None:
            self._locks[record.key][_origin(record)] = assignment

    def release(self, record: ConsumerRecord) -> None:
        """Remove the lock of a finished record. Other records may still lock its key."""
        records = self._locks.get(record.key)
        if records is not None:
            records.pop(_origin(record), None)
            if not records:
                del self._locks[record.key]

    def release_assignment(self, assignment: object) -> list[object]:
        """Remove the locks of an assignment and return the unlocked keys. Its retries are read again."""
        freed = []
        for key, records in list(self._locks.items()):
            for origin in [origin for origin, owner in records.items() if owner is assignment]:
                del records[origin]
            if not records:
                del self._locks[key]
                freed.append(key)
        return freed


def is_retry(record: ConsumerRecord) -> bool:
    """Whether a record comes from a retry topic, and so precedes the input records of its key."""
    return record.topic.endswith(RETRY_TOPIC)


def _origin(record: ConsumerRecord) -> PartitionKey:
    origin = record_history(record)
    return origin.topic, origin.partition, origin.offset
