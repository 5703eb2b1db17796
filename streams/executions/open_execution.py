"""An open execution with what the engine knows of it, and its record on `machines.state`.

The value is a line of JSON with the fields of the engine, and the snapshot of the core. Payloads above a bound are in
the payload store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct

from headrace.schemas.cloudevents import Headers
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.parsing import InvalidValueError, parse_int
from headrace.schemas.topics import MACHINE_STATE
from headrace.streams.errors import PermanentError
from headrace.streams.executions.inbox import ParentLink
from headrace.streams.executions.json_codec import decode_json, encode_json
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.timers import pending_timers
from headrace.streams.machines.execution.record import Execution
from headrace.streams.machines.execution.snapshot import (
    SnapshotError,
    pointers,
    read_snapshot,
    take_snapshot,
)

LARGEST_SNAPSHOT = 786_432
"""Bytes of a snapshot within a record; a larger one is stored in the bucket."""
DUE = "due"
"""The header with the due time of the earliest timer, in milliseconds since 1970."""
STATE_VERSION = "version"
"""The header that orders the states of an execution: when it was started, and how many stimuli have changed it."""


class ExecutionOrigin(Struct, frozen=True, omit_defaults=True):
    """What the engine knows of an execution besides its state.

    `tokens` has the SHA-256 of the token of each task, and `nested` the execution that each task waits for.
    """

    revision: str
    version: int | None = None
    alias: str | None = None
    parent: ParentLink | None = None
    generated_name: bool = False
    tokens: Mapping[str, str] = {}
    nested: Mapping[str, str] = {}
    stored: str = ""
    """The SHA-256 of the snapshot if it is in the payload store."""


class OpenExecution(NamedTuple):
    """An execution and its origin."""

    execution: Execution
    origin: ExecutionOrigin


async def encode_open(current: OpenExecution, payloads: PayloadStore) -> bytes:
    """Return an execution as bytes, and store its large payloads."""
    snapshot, large = take_snapshot(current.execution, payloads.largest_inline)
    await payloads.put_all(large)
    origin = current.origin
    if len(snapshot) > LARGEST_SNAPSHOT:
        pointer = await payloads.store(snapshot)
        origin, snapshot = msgspec.structs.replace(origin, stored=pointer), b""
    return encode_json(origin) + b"\n" + snapshot


async def decode_open(value: bytes, payloads: PayloadStore) -> OpenExecution:
    """Return an execution from its bytes.

    Raises:
        PermanentError: The bytes are not an execution, or a payload was deleted.
    """
    line, _, snapshot = value.partition(b"\n")
    try:
        origin: ExecutionOrigin = decode_json(line, ExecutionOrigin)
        if origin.stored:
            snapshot, origin = await payloads.get(origin.stored), msgspec.structs.replace(origin, stored="")
        contents = {each.sha256: await payloads.get(each.sha256) for each in pointers(snapshot)}
        return OpenExecution(read_snapshot(snapshot, contents.__getitem__), origin)
    except (msgspec.DecodeError, SnapshotError) as error:
        raise PermanentError("invalid_snapshot", str(error)) from error


def open_record(execution: Execution, value: bytes) -> ProducerRecord:
    """Return the record of an open execution."""
    due = min((due for due, _ in pending_timers(execution)), default=None)
    return state_record(execution.id, value, _version(execution), None if due is None else due.timestamp())


def tombstone(execution: Execution) -> ProducerRecord:
    """Return the record that removes an ended execution."""
    return state_record(execution.id, None, _version(execution), None)


def state_record(execution: str, value: bytes | None, version: bytes | None, due: float | None) -> ProducerRecord:
    """Return the record of a state; `due` is the time of its earliest timer, in seconds since 1970."""
    headers: Headers = () if version is None else ((STATE_VERSION, version),)
    if due is not None:
        headers = (*headers, (DUE, str(max(0, int(due * 1000))).encode()))
    return ProducerRecord(MACHINE_STATE.name, execution.encode(), value, headers)


def is_outdated(version: bytes | None, newest: bytes | None) -> bool:
    """Return whether a version is older than another one of the same start; False if one of them is not known.

    A worker that was suspended can write an old state behind a newer one.
    """
    if version is None or newest is None:
        return False
    return version.partition(b".")[0] == newest.partition(b".")[0] and version < newest


def due_of(headers: Mapping[str, bytes | None]) -> float | None:
    """Return the due time of the earliest timer in seconds; None without one."""
    try:
        return parse_int(headers[DUE]) / 1000 if DUE in headers else None
    except InvalidValueError:
        return 0.0


def _version(execution: Execution) -> bytes:
    """Return the version of a state. All have one length, so that their bytes are in their order."""
    return b"%015d.%010d" % (max(0, int(execution.started_at.timestamp() * 1000)), execution.sequence)
