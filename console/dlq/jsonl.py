"""Letters in a file: JSON Lines, one record a line, key, value and header values in base64. Pure.

Nothing is lost and nothing is added: null is not the same as empty, and headers keep their order. Source: JSON Lines
(jsonlines.org), base64 as in RFC 4648.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from headrace.console.dlq.letter import letter_id
from headrace.console.errors import CommandError
from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers
from headrace.schemas.messages import ConsumerRecord, ProducerRecord


class LetterLine(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One record of a letter. Where it lay and when it was written (seconds since 1970) is told, but not put back."""

    id: str
    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes | None
    value: bytes | None
    headers: Headers


def line(record: ConsumerRecord) -> bytes:
    """Write a record, with its value, as a line."""
    found = LetterLine(letter_id(record), *(getattr(record, field) for field in ConsumerRecord.__struct_fields__))
    return msgspec.json.encode(found) + b"\n"


def read(lines: Iterable[bytes], name: str) -> Iterator[LetterLine]:
    """Read lines, but empty ones. Raises `Refused`, naming file and line, at the first that is no letter."""
    decoder = msgspec.json.Decoder(LetterLine)
    for number, each in enumerate(lines, 1):
        if not each.strip():
            continue
        try:
            found = decoder.decode(each)
        except msgspec.DecodeError as error:
            raise CommandError(f"{name}:{number} is no letter, nothing was imported: {error}") from error
        if not topics.is_dead_letters(found.topic):
            raise CommandError(
                f"{name}:{number} belongs to {found.topic}, which holds no letters: nothing was imported"
            )
        yield found


def message(found: LetterLine) -> ProducerRecord:
    """Address a letter to its dead-letter topic, as it was."""
    return ProducerRecord(found.topic, found.key, found.value, found.headers)


def digest(found: LetterLine | ConsumerRecord) -> bytes:
    """Tell a record by all that is the same wherever it lies: topic, key, value and headers."""
    what = (found.topic, found.key, found.value, found.headers)
    return hashlib.sha256(msgspec.msgpack.encode(what)).digest()
