"""Apply a batch to the tables of operations: dead letters, control records, and the offsets themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headrace.console.dlq.dispositions import Disposition
from headrace.console.views import specs
from headrace.console.views.batch import Batch, OffsetRow
from headrace.console.views.fold_operations import delivery_order
from headrace.console.views.merges import merge_letters
from headrace.console.views.rows import LetterRow
from headrace.console.views.specs import TableSpec
from headrace.console.views.store import Key, Store, Values, put
from headrace.console.views.stored_text import from_stored
from headrace.schemas.messages import ConsumerRecord

MAX_UNDECODABLE = 100
"""Unreadable records of a partition that are kept. All are counted."""


class OffsetMovedError(Exception):
    """Another projector has applied records of a partition."""


def apply_offsets(batch: Batch, store: Store, expected: Mapping[tuple[str, int], int]) -> None:
    """Advance the offsets, and write the first unreadable records of each partition.

    Raises:
        OffsetMovedError: the offset of a partition is not the one that its records were read from.
    """
    known = store.load(specs.OFFSETS, batch.offsets)
    for place in batch.offsets:
        stored = known[place][0] if place in known else None
        if stored != expected.get(place):
            raise OffsetMovedError(f"{place[0]}/{place[1]} is at {stored}, not at {expected.get(place)}")
    before = {place: OffsetRow(*values) for place, values in known.items()}
    rows = {place: _advanced(before.get(place), row) for place, row in batch.offsets.items()}
    store.insert(specs.OFFSETS, {place: row for place, row in rows.items() if place not in known})
    store.update(specs.OFFSETS, {place: row for place, row in rows.items() if place in known})
    kept = dict.fromkeys(batch.offsets, MAX_UNDECODABLE) | {
        place: MAX_UNDECODABLE - row.undecodable for place, row in before.items()
    }
    unreadable = {}
    for key, row in sorted(batch.undecodable.items(), key=lambda item: item[0]):
        if kept[key[:2]] > 0:
            kept[key[:2]] -= 1
            unreadable[key] = row
    store.insert(specs.UNDECODABLE, unreadable)
    put(store, specs.GAPS, batch.gaps, lambda one, other: one)


def _advanced(before: OffsetRow | None, row: OffsetRow) -> OffsetRow:
    if before is None:
        return row
    return OffsetRow(
        row.next,
        max(before.end, row.end),
        before.timestamp if row.timestamp is None else row.timestamp,
        before.records + row.records,
        before.undecodable + row.undecodable,
    )


def apply_rest(batch: Batch, store: Store) -> None:
    """Write dead letters and control records."""
    _letters(batch, store)
    put(store, specs.DELIVERIES, batch.deliveries, lambda one, other: max(one, other, key=delivery_order))
    put(store, specs.REPLAYS, _single(batch.replays), _merge_replays)
    store.insert(specs.AUDIT, batch.audit)
    control = (
        (specs.WORKERS, batch.workers),
        (specs.RULES, batch.rules),
        (specs.LOSSES, batch.losses),
        (specs.PEOPLE, batch.people),
    )
    for spec, rows in control:
        _replace(store, spec, _single(rows))


def _letters(batch: Batch, store: Store) -> None:
    """Write dead letters and dispositions. A change of either may resolve a letter or open it again."""
    changed = _single(batch.dispositions)
    ids = list(dict.fromkeys([*_single(batch.letters), *changed]))
    known = {key: LetterRow(*values) for key, values in store.load(specs.LETTERS, ids).items()}
    stored = store.load(specs.DISPOSITIONS, ids)
    _replace(store, specs.DISPOSITIONS, changed)
    decided = {**stored, **changed}
    rows: dict[Key, LetterRow] = dict(known)
    for key, row in _single(batch.letters).items():
        rows[key] = merge_letters(known[key], row) if key in known else row
    rows = {key: row._replace(resolved=_is_resolved(row, decided.get(key))) for key, row in rows.items()}
    store.insert(specs.LETTERS, {key: row for key, row in rows.items() if key not in known})
    store.update(specs.LETTERS, {key: row for key, row in rows.items() if key in known and row != known[key]})


def _is_resolved(row: LetterRow, disposition: Values | None) -> bool:
    if disposition is None:
        return False
    decision = msgspec.json.decode(from_stored(disposition[1]), type=Disposition)
    return decision.applies_to(ConsumerRecord(row.topic, row.partition, row.offset, row.timestamp, None, None))


def _merge_replays(one: Values, other: Values) -> Values:
    """Keep the newest entry of a replay, and the offset of its first one."""
    newest = max(one, other, key=lambda row: row[5])
    return (*newest[:4], min(one[4], other[4]), newest[5])


def _replace(store: Store, spec: TableSpec, rows: Mapping[Key, Values | None]) -> None:
    """Replace rows by the newest of each key; None deletes one."""
    put(store, spec, {key: row for key, row in rows.items() if row is not None}, lambda one, other: other)
    store.delete(spec, [key for key, row in rows.items() if row is None])


def _single(rows: Mapping[str, Any]) -> dict[Key, Any]:
    """Return rows with their key as a tuple."""
    return {(key,): row for key, row in rows.items()}
