"""The matcher of many patterns decides as each pattern does on the whole event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import structs

from headrace.schemas.cloudevents import InvalidEventError, from_headers
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import AwsEvent
from headrace.schemas.serde import catalog
from headrace.schemas.serde.codec import DecodeError
from headrace.streams.routing.event_format import to_eventbridge_event
from headrace.streams.routing.event_matcher import EventMatcher
from headrace.streams.rules import Pattern
from tests.support import golden
from tests.support.records import CODEC, NOW, asset, raw, received, uploaded

HEADERS = received(uploaded()).headers


def records() -> Iterator[ConsumerRecord]:
    """Yield a record of each version of each event, dead letters included."""
    for version in catalog.versions():
        data = bytes.fromhex(golden.read(version).bytes)
        yield raw(data, HEADERS)
        yield raw(data, (*HEADERS, ("dlq-code", b"timeout"), ("replay-id", b"r1")), "scan.dlq")
    for body in ('{"detail-type": "x", "source": "s", "detail": {"a": [1, 2], "a.b": 3}}', '{"source": "s"}', "plain"):
        yield received(AwsEvent(source="s", detail_type="x", occurred_at=NOW, body=body))


def document(record: ConsumerRecord) -> dict[str, Any]:
    return to_eventbridge_event(record, CODEC.decode(record.value), from_headers(record.headers))


def patterns(event: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield for each field the patterns that match its value, its absence and its presence, as path and clause."""
    if isinstance(event, dict):
        for name, value in event.items():
            yield from patterns(value, (*path, name))
    elif isinstance(event, list | tuple):
        for value in event:
            yield from patterns(value, path)
    else:
        for clause in ([event], [{"exists": False}], [{"exists": True}], [{"anything-but": "x"}]):
            yield json.dumps(path), clause
    if path:
        yield json.dumps(path), [{"exists": True}]


def nested(path: list[str], clause: Any) -> Any:
    for name in reversed(path):
        clause = {name: clause}
    return clause


ALL = {
    f"{path} {clause}": Pattern(nested(json.loads(path), clause))
    for record in records()
    for path, clause in patterns(json.loads(json.dumps(document(record), default=str)))
}


def test_matches_what_each_pattern_matches() -> None:
    matcher = EventMatcher(ALL, CODEC)
    for record in records():
        event = document(record)
        assert set(matcher.match(record)) == {name for name, each in ALL.items() if each.matches(event)}


@pytest.mark.parametrize(
    "pattern",
    [
        {"detail": {"asset": {"key": [{"prefix": "photos/"}]}}},
        {"detail-type": ["MediaUploaded"], "source": ["test"]},
        {"resources": [{"suffix": "/photos/cat.jpg"}]},
        {"detail.asset.size": [{"numeric": ["=", 10]}]},
        {"headrace": {"topic": ["media.uploaded"], "correlation-id": [{"exists": True}]}},
        {"$or": [{"detail": {"region": ["nowhere"]}}, {"detail": {"uploaded_at": ["2026-03-14T15:09:26Z"]}}]},
        {"detail": [{"exists": False}]},
    ],
)
def test_one_pattern_reads_the_fields_that_it_needs(pattern: Any) -> None:
    assert EventMatcher({"one": Pattern(pattern)}, CODEC).match(received(uploaded(asset(size=10)))) == ("one",)


def test_what_is_no_event_is_an_error() -> None:
    matcher = EventMatcher({"one": Pattern({"source": ["x"]})}, CODEC)
    with pytest.raises(DecodeError):
        matcher.match(raw(b"junk", HEADERS))
    with pytest.raises(InvalidEventError):
        matcher.match(structs.replace(received(uploaded()), headers=()))
