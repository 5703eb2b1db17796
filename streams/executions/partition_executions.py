"""The open executions of one partition of the inbox.

Snapshots stay bytes until their execution is needed, so that waiting executions need little memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.streams.executions.open_execution import (
    STATE_VERSION,
    OpenExecution,
    decode_open,
    due_of,
    is_outdated,
    state_record,
)
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.timers import TimerQueue

DECODED = 2_000
"""Decoded executions that are kept per partition."""


class PartitionExecutions:
    """Open executions by their ARN. Not thread-safe."""

    def __init__(self, payloads: PayloadStore) -> None:
        self._payloads = payloads
        self._snapshots: dict[str, bytes] = {}
        self._decoded: OrderedDict[str, OpenExecution] = OrderedDict()
        self.timers = TimerQueue()
        self.applied: set[tuple[str, int]] = set()
        """Topic and offset of records that were applied together with an earlier one of their execution."""

    def load(self, records: Iterable[ConsumerRecord]) -> list[ProducerRecord]:
        """Fold the records of a partition of `machines.state`.

        Returns the states to write again: those behind which a worker that was suspended has written an older one.
        Compaction keeps the last record of an execution, and not the newest state.
        """
        due: dict[str, float | None] = {}
        newest: dict[str, bytes | None] = {}
        hidden: dict[str, ProducerRecord] = {}
        for record in records:
            execution = (record.key or b"").decode(errors="replace")
            headers = dict(record.headers)
            version = headers.get(STATE_VERSION)
            if is_outdated(version, newest.get(execution)):
                hidden[execution] = self._again(execution, newest[execution], due.get(execution))
                continue
            hidden.pop(execution, None)
            newest[execution] = version
            if record.value is None:
                self._snapshots.pop(execution, None)
                due.pop(execution, None)
            else:
                self._snapshots[execution] = record.value
                due[execution] = due_of(headers)
        for execution, at in due.items():
            if at is not None:
                self.timers.add(at, execution)
        return list(hidden.values())

    def _again(self, execution: str, version: bytes | None, due: float | None) -> ProducerRecord:
        return state_record(execution, self._snapshots.get(execution), version, due)

    def __len__(self) -> int:
        return len(self._snapshots)

    async def get(self, execution: str) -> OpenExecution | None:
        """Return an open execution; None if there is none.

        Raises:
            PermanentError: Its snapshot cannot be read.
        """
        known = self._decoded.get(execution)
        if known is not None:
            self._decoded.move_to_end(execution)
            return known
        snapshot = self._snapshots.get(execution)
        if snapshot is None:
            return None
        current = await decode_open(snapshot, self._payloads)
        if self._snapshots.get(execution) is snapshot:  # not replaced meanwhile
            self._keep(execution, current)
        return current

    def put(self, execution: str, snapshot: bytes, current: OpenExecution) -> None:
        """Replace an execution, once its snapshot is durable."""
        self._snapshots[execution] = snapshot
        self._keep(execution, current)

    def remove(self, execution: str) -> None:
        """Remove an ended execution, once its tombstone is durable."""
        self._snapshots.pop(execution, None)
        self._decoded.pop(execution, None)

    def _keep(self, execution: str, current: OpenExecution) -> None:
        self._decoded[execution] = current
        self._decoded.move_to_end(execution)
        if len(self._decoded) > DECODED:
            self._decoded.popitem(last=False)
