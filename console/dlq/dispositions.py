"""Dispositions of dead letters: records of the compacted topic `system.dispositions`, keyed by letter id. Pure.

    superseded   a newer version of the asset exists
    wont-fix     an operator resolved it without a redrive
    redriven     its record was sent back to its stage; if it fails again, its next record is open

Dead letters are never deleted. A tombstone withdraws a disposition (Kafka log compaction).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from headrace.console.errors import CommandError
from headrace.console.kafka.topic_reader import TopicReader
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.parsing import InvalidValueError, parse_int, parse_struct
from headrace.schemas.safe_text import header_text

DispositionKind = Literal["superseded", "wont-fix", "redriven"]
ManualDisposition = Literal["superseded", "wont-fix"]
"""The kinds that `headrace dlq resolve` sets; `redriven` is set by a redrive."""


class Disposition(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The disposition of one dead letter, with reason, operator and time (RFC 3339).

    `through` is the newest record that it applies to, as `topic/partition/offset`; if empty, it applies to every record
    of the dead letter, also to later ones.
    """

    letter: str
    kind: DispositionKind
    why: str
    by: str
    at: str
    through: str = ""

    def applies_to(self, record: ConsumerRecord) -> bool:
        """Whether it applies to this record of the dead letter."""
        topic, partition, offset = self.through.rsplit("/", 2) if self.through else ("", "", "")
        if (topic, partition) != (record.topic, str(record.partition)):
            return not self.through
        return record.offset <= parse_int(offset)


def decide(letter: str, kind: ManualDisposition, why: str, by: str, now: datetime) -> Disposition:
    """Create an operator's disposition.

    Raises:
        CommandError: the reason is empty.
    """
    if not why.strip():
        raise CommandError("the reason is empty: give one with --why")
    return Disposition(letter, kind, header_text(why.strip()), header_text(by), timestamp(now))


def message(disposition: Disposition) -> ProducerRecord:
    """Convert a disposition to a record."""
    return ProducerRecord(topics.DISPOSITIONS.name, disposition.letter.encode(), msgspec.json.encode(disposition))


def withdrawal(letter: str, by: str, now: datetime) -> ProducerRecord:
    """Create the tombstone that withdraws a disposition. Its headers have the operator and the time (RFC 3339)."""
    headers = (("by", header_text(by).encode()), ("at", timestamp(now).encode()))
    return ProducerRecord(topics.DISPOSITIONS.name, letter.encode(), None, headers)


def read(records: Iterable[tuple[bytes | None, bytes | None]]) -> dict[str, Disposition]:
    """Fold keys and values, in the order of the log, to the current disposition of each dead letter.

    Invalid records are skipped: other producers may write to the topic.
    """
    newest = {key: value for key, value in records if key is not None}
    decoded = ((key, _decode(value)) for key, value in newest.items() if value is not None)
    return {each.letter: each for key, each in decoded if each is not None and each.letter.encode() == key}


def load(log: TopicReader) -> dict[str, Disposition]:
    """Read the current dispositions from Kafka, by letter id."""
    spans = log.spans([topics.DISPOSITIONS.name])
    records = (record for records in log.read(spans, values=True) for record in records)
    return read((record.key, record.value) for record in records)


def disposition_of(letter: str, record: ConsumerRecord, known: Mapping[str, Disposition]) -> Disposition | None:
    """Return the disposition that applies to a record; None if the record is open."""
    disposition = known.get(letter)
    return disposition if disposition is not None and disposition.applies_to(record) else None


def _decode(value: bytes) -> Disposition | None:
    try:
        disposition = parse_struct(value, Disposition)
    except InvalidValueError:
        return None
    return disposition if _is_place(disposition.through) else None


def _is_place(through: str) -> bool:
    parts = through.rsplit("/", 2)
    try:
        return not through or (len(parts) == 3 and parse_int(parts[1]) >= 0 and parse_int(parts[2]) >= 0)
    except InvalidValueError:
        return False
