"""What the bridge would make of messages, as JSON for people and scripts. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import orjson

from headrace.connectors.events.encoder import outgoing, readable
from headrace.connectors.events.results import Ignored, Refused
from headrace.schemas.messages import Message
from headrace.schemas.serde.codec import Codec


def rows(lines: Iterable[bytes], received_at: datetime, book: Codec) -> Iterator[dict[str, Any]]:
    """Give a row for each record, refusal or ignored message; blank lines are passed over."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found = outgoing(_body(line), received_at, book)
        if isinstance(found, Ignored):
            yield {"line": number, "ignored": found.why}
            continue
        messages = readable(found, book) if isinstance(found, Refused) else found
        yield from ({"line": number, **_row(each, book)} for each in messages)
        if isinstance(found, Refused):
            yield {"line": number, "refused": found.code, "why": found.why}


def _body(line: bytes) -> bytes | str:
    """Take a line as it is, or the text of a line that is a JSON string: a body with line breaks has to be one."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line
    return found if isinstance(found, str) else line


def _row(sent: Message, book: Codec) -> dict[str, Any]:
    return {
        "topic": sent.topic,
        "key": (sent.key or b"").decode(),
        "headers": {name: (value or b"").decode() for name, value in sent.headers},
        "value": msgspec.to_builtins(book.decode(sent.value)),
    }
