"""Dead letters as JSON Lines: one record per line; key, value and header values in base64. Pure.

Lossless: null differs from empty, and headers keep their order. Sources: jsonlines.org, RFC 4648 (base64).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from headrace.console.errors import CommandError
from headrace.console.kafka.letter_id import letter_id
from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.parsing import InvalidValueError, parse_struct


class LetterLine(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One record of a dead letter. An import ignores partition, offset and timestamp (seconds since 1970)."""

    id: str
    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes | None
    value: bytes | None
    headers: Headers


def line(record: ConsumerRecord) -> bytes:
    """Encode a record with its value as a line."""
    encoded = LetterLine(letter_id(record), *(getattr(record, field) for field in ConsumerRecord.__struct_fields__))
    return msgspec.json.encode(encoded) + b"\n"


def read(lines: Iterable[bytes], name: str) -> Iterator[LetterLine]:
    """Decode lines; empty lines are skipped.

    Raises:
        CommandError: a line is not a dead letter; the message names file and line.
    """
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            record = parse_struct(text, LetterLine)
        except InvalidValueError as error:
            raise CommandError(f"{name}:{number}: not a dead letter; nothing was imported: {error}") from error
        if not topics.is_dead_letters(record.topic):
            raise CommandError(f"{name}:{number}: {record.topic} is not a dead-letter topic; nothing was imported")
        yield record


def message(record: LetterLine) -> ProducerRecord:
    """Convert a line to a record for its dead-letter topic."""
    return ProducerRecord(record.topic, record.key, record.value, record.headers)


def digest(record: LetterLine | ConsumerRecord) -> bytes:
    """Hash what an import preserves: topic, key, value and headers."""
    content = (record.topic, record.key, record.value, record.headers)
    return hashlib.sha256(msgspec.msgpack.encode(content)).digest()


def select_lines(lines: Iterable[LetterLine], digests: set[bytes]) -> Iterator[LetterLine]:
    """Yield the first line of each digest; removes it from `digests`."""
    for record in lines:
        key = digest(record)
        if key in digests:
            digests.discard(key)
            yield record
