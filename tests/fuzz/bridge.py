"""Fuzz the parser of the bridge with a million invalid messages: `python -m tests.fuzz.bridge`, or `make fuzz`.

Nothing may come out of it but records, a refusal, or that there is nothing to tell; and records must be such as Kafka
takes. Exit code 1 at the first message that breaks this, which is printed with its seed.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.connectors.events.encoder import encode_message, encode_valid_parts
from headrace.connectors.events.results import Ignored, Rejected
from headrace.schemas import topics
from headrace.schemas.cloudevents import from_headers
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.serde import codec
from tests.unit.connectors.webhook import sns_messages

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CODEC = codec.load()
TOPICS = {topic.name for topic in topics.SHARED}
CHUNK = 10_000

VALID = [
    sns_messages.notification(),
    sns_messages.notification(sns_messages.record("a b+%.jpg"), sns_messages.record("c.mp4", "ObjectRemoved:Delete")),
    sns_messages.bridged(),
    sns_messages.bridged(kind="Object Deleted"),
    sns_messages.completion(),
    sns_messages.transcription(),
    sns_messages.conversion(),
    sns_messages.conversion("STATUS_UPDATE"),
    sns_messages.sns(sns_messages.notification()),
    sns_messages.sns(sns_messages.completion()),
    sns_messages.event("my.shop", "Order", {"n": 1}),
    *(path.read_text("utf-8") for path in sorted(sns_messages.FIXTURES.glob("*.json"))),
]
SCALARS: list[Any] = [
    None,
    True,
    0,
    -1,
    2**63,
    2**70,
    1e308,
    "",
    "x" * 500,
    "%",
    "%zz",
    "+",
    "../",
    "\ud800",
    "\x00",
    "2.1",
    "9.9",
]
SHAPES: list[Any] = [[], {}, [[]], [None], {"": None}, [{}], {"Records": []}, {"a": {"b": {"c": []}}}]
SPLICES = [
    b"NaN",
    b"Infinity",
    b"-",
    b'"',
    b"\\",
    b"\xff",
    b"\xed\xa0\x80",
    b"\x00",
    b"[" * 50,
    b"{" * 50,
    b",",
    b'{"Records":',
]


def message(draw: random.Random) -> bytes | str:
    """Draw one message that is wrong in some way, or still right."""
    body = draw.choice(VALID)
    how = draw.randrange(8)
    if how < 4:
        return _dumped(_changed(json.loads(body), draw), draw)
    if how == 4:
        return body[: draw.randrange(len(body))]
    if how == 5:
        return _twice(body, draw)
    if how == 6:
        return _spliced(body.encode(), draw)
    depth = draw.choice((10, 1_000, 100_000))
    return draw.choice(("[", '{"a":', '{"Records":[')) * depth


def _changed(body: Any, draw: random.Random) -> Any:
    """Replace or delete one to three values."""
    for _ in range(draw.randint(1, 3)):
        inside, way = body, list[Any]()
        while isinstance(inside, dict | list) and inside and (not way or draw.random() < 0.8):
            step = draw.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
            way.append((inside, step))
            inside = inside[step]
        if not way:
            return body
        holder, step = way[-1]
        if draw.random() < 0.3:
            del holder[step]
        else:
            holder[step] = copy.deepcopy(draw.choice(draw.choice((SCALARS, SHAPES))))
    return body


def _dumped(body: Any, draw: random.Random) -> str:
    return json.dumps(body, ensure_ascii=draw.random() < 0.5)


def _twice(body: str, draw: random.Random) -> str:
    """Duplicate a key."""
    name, value = draw.choice((("Records", "7"), ("source", "null"), ("key", '"b"'), ("Type", "[]"), ("detail", "0")))
    return body.replace(f'"{name}":', f'"{name}": {value}, "{name}":', 1)


def _spliced(body: bytes, draw: random.Random) -> bytes:
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(body) + 1)
        body = body[:at] + draw.choice(SPLICES) + body[at + draw.randrange(3) :]
    return body


def check(body: bytes | str) -> str:
    """Return the outcome of a message in one word. Raises `AssertionError` for an invalid outcome."""
    found = encode_message(body, NOW, CODEC)
    if isinstance(found, Ignored):
        return "ignored"
    messages = encode_valid_parts(found, CODEC) if isinstance(found, Rejected) else found
    for each in messages:
        _look(each)
    if isinstance(found, Rejected):
        assert found.code
        assert found.code != "internal_error", found.reason
        return "refused"
    assert messages
    return "translated"


def _look(each: ProducerRecord) -> None:
    assert each.topic in TOPICS
    assert each.key
    assert from_headers(each.headers).id
    CODEC.decode(each.value)


def main(
    cases: Annotated[int, typer.Option(help="Number of messages.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="0 draws one.")] = 0,
) -> None:
    """Parse fuzzed messages and print the outcomes."""
    seed = seed or random.SystemRandom().randrange(1, 1 << 31)
    draw, ended, begun = random.Random(seed), Counter[str](), time.monotonic()
    for number in range(1, cases + 1):
        body = message(draw)
        try:
            ended[check(body)] += 1
        except Exception as error:  # any exception is a failure
            Path("fuzz-failure.txt").write_text(repr(body), "utf-8")
            sys.exit(f"seed {seed}, message {number}: {error!r}; the message is in fuzz-failure.txt")
        if number % (CHUNK * 10) == 0:
            print(f"{number:,} messages, {number / (time.monotonic() - begun):,.0f}/s", flush=True)
    assert sum(ended.values()) == cases
    print(f"seed {seed}: {cases:,} messages, " + ", ".join(f"{count:,} {how}" for how, count in sorted(ended.items())))


if __name__ == "__main__":
    typer.run(main)
