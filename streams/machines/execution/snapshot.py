"""Write executions as bytes, and read them again.

A snapshot is `{"schema", "execution", "payloads"}`. Each payload of the execution is a position in `payloads`, so
that a value which several branches share is written once. A payload above a bound is a pointer with its SHA-256, and
its bytes are stored elsewhere (claim check).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
import orjson
from msgspec import Struct

from headrace.streams.machines.execution.payloads import with_payloads
from headrace.streams.machines.execution.record import Execution
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

SCHEMA = 1


class SnapshotError(ValueError):
    """A snapshot cannot be read."""


class PayloadPointer(Struct, frozen=True):
    """A payload that is stored elsewhere; `size` is in bytes."""

    sha256: str
    size: int


class _Entry(Struct, frozen=True, omit_defaults=True):
    """A payload, or a pointer."""

    value: Any = msgspec.UNSET
    sha256: str = ""
    size: int = 0


class _Snapshot(Struct, frozen=True):
    schema: int
    execution: Any
    payloads: list[_Entry]


_DECODER = msgspec.json.Decoder(_Snapshot)


def take_snapshot(execution: Execution, largest_inline: int) -> tuple[bytes, Mapping[str, bytes]]:
    """Return the snapshot, and the payloads of more than `largest_inline` bytes by their SHA-256."""
    table = _Table(largest_inline)
    shape = with_payloads(execution, table.position)
    snapshot = {"schema": SCHEMA, "execution": shape, "payloads": table.entries}
    return msgspec.json.encode(snapshot), table.stored


def pointers(snapshot: bytes) -> list[PayloadPointer]:
    """Return the pointers of a snapshot, whose payloads `read_snapshot` needs.

    Raises:
        SnapshotError: The snapshot is malformed, or of an unknown schema.
    """
    return [PayloadPointer(entry.sha256, entry.size) for entry in _decoded(snapshot).payloads if entry.sha256]


def read_snapshot(snapshot: bytes, payload_of: Callable[[str], bytes]) -> Execution:
    """Return the execution. `payload_of` returns the bytes of a payload by its SHA-256.

    Raises:
        SnapshotError: The snapshot is malformed or of an unknown schema, or a payload is not what its pointer says.
    """
    decoded = _decoded(snapshot)
    values = [_payload(entry, payload_of) for entry in decoded.payloads]
    try:
        shape = msgspec.convert(decoded.execution, Execution, str_keys=True)
        return with_payloads(shape, lambda position: values[position])
    except (msgspec.ValidationError, IndexError, TypeError) as error:
        raise SnapshotError(f"the snapshot is malformed: {error}") from error


class _Table:
    """The payloads of a snapshot. Equal objects have one entry, and so have large payloads with equal bytes."""

    def __init__(self, largest_inline: int) -> None:
        self.entries: list[_Entry] = []
        self.stored: dict[str, bytes] = {}
        self._largest_inline = largest_inline
        self._positions: dict[int, int] = {}
        self._pointers: dict[str, int] = {}

    def position(self, value: Json) -> int:
        """Return the position of a value, which is added if it is new."""
        known = self._positions.get(id(value))
        if known is not None:
            return known
        data = json_bytes(value)
        digest = sha256(data).hexdigest() if len(data) > self._largest_inline else None
        position = self._pointers.get(digest, len(self.entries)) if digest is not None else len(self.entries)
        if position == len(self.entries):
            self.entries.append(self._entry(data, digest))
        if digest is not None:
            self._pointers[digest] = position
        self._positions[id(value)] = position
        return position

    def _entry(self, data: bytes, digest: str | None) -> _Entry:
        if digest is None:
            return _Entry(value=msgspec.Raw(data))
        self.stored[digest] = data
        return _Entry(sha256=digest, size=len(data))


def json_bytes(value: Json) -> bytes:
    """Return a payload as JSON in UTF-8; a string that is not valid Unicode is escaped."""
    try:
        return orjson.dumps(value)
    except TypeError:
        text = compact(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _payload(entry: _Entry, payload_of: Callable[[str], bytes]) -> Json:
    if not isinstance(entry.value, msgspec.UnsetType):
        return entry.value
    data = payload_of(entry.sha256)
    if sha256(data).hexdigest() != entry.sha256:
        raise SnapshotError(f"the payload {entry.sha256} has other bytes; restore it from a backup")
    return json.loads(data)


def _decoded(snapshot: bytes) -> _Snapshot:
    try:
        decoded = _parsed(snapshot)
    except ValueError as error:
        raise SnapshotError(f"the snapshot is malformed: {error}") from error
    if decoded.schema != SCHEMA:
        raise SnapshotError(f"the snapshot has schema {decoded.schema}, this version reads {SCHEMA}; upgrade headrace")
    return decoded


def _parsed(snapshot: bytes) -> _Snapshot:
    try:
        return _DECODER.decode(snapshot)
    except msgspec.DecodeError:  # half a surrogate pair, which payloads can have
        return msgspec.convert(json.loads(snapshot), _Snapshot)
