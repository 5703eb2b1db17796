"""What was decided about dead letters: records of the compacted topic `system.dispositions`, key = letter id. Pure.

    superseded   a newer version made it pointless
    wont-fix     someone decided to leave it
    redriven     its record went back to its stage; should that fail, its next record is open again

Letters themselves are never deleted. Source: Kafka's log compaction; a record without a value takes a decision back.
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

DispositionKind = Literal["superseded", "wont-fix", "redriven"]
ManualDisposition = Literal["superseded", "wont-fix"]
"""What a person can decide; `redriven` is what a redrive writes."""


class Disposition(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One decision: about which letter, why, by whom and when (RFC 3339).

    `through` is the place of the newest record that it is about, `topic/partition/offset`; empty where it holds for
    whatever this letter may still become.
    """

    letter: str
    kind: DispositionKind
    why: str
    by: str
    at: str
    through: str = ""

    def applies_to(self, record: ConsumerRecord) -> bool:
        """Whether this record of the letter is resolved, and not one that came after the decision."""
        topic, partition, offset = self.through.rsplit("/", 2) if self.through else ("", "", "")
        if (topic, partition) != (record.topic, str(record.partition)):
            return not self.through
        return record.offset <= int(offset)


def decide(letter: str, kind: ManualDisposition, why: str, by: str, now: datetime) -> Disposition:
    """Write a person's decision. Raises `Refused` without a reason."""
    if not why.strip():
        raise CommandError("say why, with --why: whoever finds the letter will want to know")
    return Disposition(letter, kind, why.strip(), by, timestamp(now))


def message(disposition: Disposition) -> ProducerRecord:
    """Address a decision."""
    return ProducerRecord(topics.DISPOSITIONS.name, disposition.letter.encode(), msgspec.json.encode(disposition))


def withdrawal(letter: str) -> ProducerRecord:
    """Address the end of whatever was decided about a letter."""
    return ProducerRecord(topics.DISPOSITIONS.name, letter.encode(), None)


def read(records: Iterable[tuple[bytes | None, bytes | None]]) -> dict[str, Disposition]:
    """Read keys and values in the order in which they were written: of each letter, what holds now.

    What is no decision is passed over, since others may have written there too.
    """
    newest = {key: value for key, value in records if key is not None}
    found = ((key, _opened(value)) for key, value in newest.items() if value is not None)
    return {each.letter: each for key, each in found if each is not None and each.letter.encode() == key}


def load(log: TopicReader) -> dict[str, Disposition]:
    """Read the decision on each dead letter, by letter id."""
    spans = log.spans([topics.DISPOSITIONS.name])
    records = (record for records in log.read(spans, values=True) for record in records)
    return read((record.key, record.value) for record in records)


def disposition_of(letter: str, record: ConsumerRecord, known: Mapping[str, Disposition]) -> Disposition | None:
    """Give what was decided about a record of a letter; None while it is open."""
    found = known.get(letter)
    return found if found is not None and found.applies_to(record) else None


def _opened(value: bytes) -> Disposition | None:
    try:
        found = msgspec.json.decode(value, type=Disposition)
    except msgspec.DecodeError:
        return None
    return found if _is_place(found.through) else None


def _is_place(through: str) -> bool:
    parts = through.rsplit("/", 2)
    return not through or (len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal())
