"""Decode selected fields of records, several times as fast as whole records."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from msgspec import to_builtins

from headrace.schemas.serde.catalog import Schema, latest, versions
from headrace.schemas.serde.codec import HEADER, MARKER, Codec
from headrace.schemas.serde.field_reader import INVALID, ReadFields, compile_reader
from headrace.schemas.serde.generic_avro import fingerprint
from headrace.schemas.serde.limited_stream import MAX_READS
from headrace.schemas.serde.reader_source import Selection
from headrace.schemas.serde.writer_schema import checked_schema


class FieldDecoder:
    """Decodes the selected fields of records that were written with the newest schema of their event.

    All other records are decoded whole by the codec: those of older schemas, in the Confluent wire format, large ones,
    and invalid ones, so that both have the same errors.
    """

    def __init__(self, codec: Codec, selection: Selection, whole: Collection[str] = ()) -> None:
        """`whole` names the events of which every field is selected."""
        self._codec, self._selection, self._whole = codec, selection, whole
        self._readers: dict[bytes, tuple[str, ReadFields]] = {}

    def decode(self, data: bytes | None) -> tuple[str, dict[str, Any]]:
        """Return the name of the event, and at least the selected fields in their JSON form.

        Raises:
            DecodeError: As `Codec.decode_or_fetch` does.
            RegistryUnavailableError: The registry does not respond.
        """
        if data and len(data) <= MAX_READS:
            known = self._readers.get(data[:HEADER]) or self._compiled(data[:HEADER])
            if known is not None:
                event, read = known
                try:
                    fields, end = read(data, HEADER)
                except INVALID:
                    end = -1
                if end == len(data):
                    return event, fields
                # the codec finds the reason
        record = self._codec.decode_or_fetch(data)
        return record.EVENT, to_builtins(record)

    def _compiled(self, prefix: bytes) -> tuple[str, ReadFields] | None:
        """Compile the reader of an event at its first record."""
        newest = _newest_schemas().get(prefix)
        if newest is None:
            return None
        event, schema = newest
        known = event, compile_reader(schema, None if event in self._whole else self._selection)
        self._readers[prefix] = known
        return known


@cache
def _newest_schemas() -> dict[bytes, tuple[str, Schema]]:
    """Return the event and the checked schema of each newest version, by the first bytes of its records."""
    return {
        MARKER + fingerprint(version.schema): (event, checked_schema(version.schema))
        for event, version in latest(versions()).items()
    }
