"""Preview the records that the bridge would produce, as JSON rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from headrace.connectors.events.encoder import encode_message, encode_valid_parts
from headrace.connectors.events.results import Ignored, Rejected
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.parsing import InvalidValueError, parse_json
from headrace.schemas.serde.codec import Codec


def dry_run(lines: Iterable[bytes], received_at: datetime, codec: Codec) -> Iterator[dict[str, Any]]:
    """Yield a row for each record, rejection or ignored message. Skips blank lines."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        result = encode_message(_body(line), received_at, codec)
        if isinstance(result, Ignored):
            yield {"line": number, "ignored": result.reason}
            continue
        records = encode_valid_parts(result, codec) if isinstance(result, Rejected) else result
        yield from ({"line": number, **_row(record, codec)} for record in records)
        if isinstance(result, Rejected):
            yield {"line": number, "rejected": result.code, "reason": result.reason}


def _body(line: bytes) -> bytes | str:
    """Return a line, decoded if it is a JSON string: a body with line breaks must be one."""
    try:
        value = parse_json(line)
    except InvalidValueError:
        return line
    return value if isinstance(value, str) else line


def _row(record: ProducerRecord, codec: Codec) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "key": (record.key or b"").decode(),
        "headers": {name: (value or b"").decode() for name, value in record.headers},
        "value": msgspec.to_builtins(codec.decode(record.value)),
    }
