"""What the bridge would make of messages, as JSON for people and scripts. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import orjson

from headrace.connectors.events.encoder import encode_message, encode_valid_parts
from headrace.connectors.events.results import Ignored, Rejected
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.serde.codec import Codec


def dry_run(lines: Iterable[bytes], received_at: datetime, book: Codec) -> Iterator[dict[str, Any]]:
    """Give a row for each record, refusal or ignored message; blank lines are passed over."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found = encode_message(_body(line), received_at, book)
        if isinstance(found, Ignored):
            yield {"line": number, "ignored": found.reason}
            continue
        messages = encode_valid_parts(found, book) if isinstance(found, Rejected) else found
        yield from ({"line": number, **_row(each, book)} for each in messages)
        if isinstance(found, Rejected):
            yield {"line": number, "refused": found.code, "why": found.reason}


def _body(line: bytes) -> bytes | str:
    """Take a line as it is, or the text of a line that is a JSON string: a body with line breaks has to be one."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line
    return found if isinstance(found, str) else line


def _row(sent: ProducerRecord, book: Codec) -> dict[str, Any]:
    return {
        "topic": sent.topic,
        "key": (sent.key or b"").decode(),
        "headers": {name: (value or b"").decode() for name, value in sent.headers},
        "value": msgspec.to_builtins(book.decode(sent.value)),
    }
