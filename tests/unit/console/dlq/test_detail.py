"""Detail view of a dead letter: decoded values, or bytes if decoding fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.assets.projection import AssetProjection
from headrace.console.dlq import detail
from headrace.console.dlq.listing import ListedLetter
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.kafka.letter_id import letter_id
from headrace.schemas.messages import ConsumerRecord
from tests.support import records
from tests.support.records import CODEC, job_started
from tests.unit.console.asset_history import NAME, entry, letter, projection_of, undecodable
from tests.unit.console.dlq.letters import a_letter


class KnownAssets:
    """The assets of some entries. `requested` lists the names and tokens that were read."""

    def __init__(self, *entries: LogEntry) -> None:
        self._projection = projection_of(*entries)
        self.requested: list[str] = []

    def progress(self, asset: str) -> AssetProjection:
        self.requested.append(asset)
        return self._projection

    def asset_of_job(self, token: str) -> str | None:
        self.requested.append(token)
        return self._projection.asset_of_job(token)


def opened(record: ConsumerRecord) -> LogEntry:
    return open_record(record, CODEC)


def shown(record: ConsumerRecord) -> dict[str, Any]:
    return detail.describe(ListedLetter(letter_id(record), record), opened(record), 1, [])


def test_event_is_shown_as_json() -> None:
    value = shown(letter(entry(records.uploaded()), "probe").record)["value"]
    assert value["kind"] == "MediaUploaded"
    assert value["record"]["asset"]["key"] == "photos/cat.jpg"


def test_aws_message_is_shown_as_json() -> None:
    value = shown(a_letter(topic="bridge.dlq", value=b'{"Records": [1]}'))["value"]
    assert value == {"size": 16, "kind": "json", "record": {"Records": [1]}}


@pytest.mark.parametrize(("data", "kind"), [(None, "tombstone"), (b"", "bytes"), (b"\xff\x00", "bytes")])
def test_unparseable_value_is_shown_as_bytes(data: bytes | None, kind: str) -> None:
    assert shown(a_letter(value=data))["value"]["kind"] == kind


def test_bytes_use_the_xxd_format() -> None:
    assert detail.dump(b"abc\x00\xff" + b"0123456789ABCDEF") == [
        "00000000  61 62 63 00 ff 30 31 32 33 34 35 36 37 38 39 41  abc..0123456789A",
        "00000010  42 43 44 45 46                                   BCDEF",
    ]


def test_long_values_are_truncated() -> None:
    assert len(detail.dump(bytes(10_000))) == detail.DUMPED // 16


def test_deeply_nested_json_is_shown_as_bytes() -> None:
    assert shown(a_letter(value=b"[" * 100_000))["value"]["kind"] == "bytes"


@given(st.none() | st.binary(max_size=100))
def test_arbitrary_bytes_never_raise(data: bytes | None) -> None:
    json.dumps(shown(a_letter(value=data)))


@pytest.mark.parametrize(
    "value",
    [
        b"junk AKIACANARYCANARY0000 junk",
        b"\xffGET https://b/k?X-Amz-Signature=CANARY",
        b'{"SubscribeURL": "https://sns?Token=CANARY", "Token": "CANARY", "x": "Bearer CANARYCANARY"}',
        b"x" * 500 + b"AKIACANARYCANARY0000",
    ],
)
def test_secrets_are_redacted(value: bytes) -> None:
    record = a_letter(
        ("dlq-message", b"Authorization: Bearer CANARY"),
        ("x-token", b"CANARY"),
        ("u", b"https://b/k?s=CANARY"),
        value=value,
    )
    output = json.dumps(shown(record))
    assert "CANARY" not in output
    assert b"CANARY".hex(" ") not in output


def test_headers_keep_their_order() -> None:
    record = a_letter(("b", b"1"), ("a", None), ("b", b""), ("c", b"\xff"))
    assert shown(record)["headers"] == [["b", "1"], ["a", None], ["b", ""], ["c", "0xff"]]


def test_detail_names_the_redrive_command() -> None:
    record = letter(entry(records.uploaded()), "probe").record
    assert shown(record)["redrive"] == f"headrace replay redrive {letter_id(record)}"
    assert shown(a_letter(topic="bridge.dlq"))["redrive"] is None


def test_timeline_covers_the_failed_version() -> None:
    older, newer = records.asset(), records.asset(version="e2", sequencer="0B")
    upload, later = entry(records.uploaded(older)), entry(records.uploaded(newer), 5)
    dead = letter(upload, "probe")
    steps = detail.steps_of(dead, KnownAssets(upload, dead, later))
    assert [step.event for step in steps] == ["MediaUploaded", "DeadLetter"]
    assert (
        detail.describe(ListedLetter("x", dead.record), dead, 1, steps)["timeline"][1]["words"]
        == "unreadable: no moov atom"
    )


def test_letter_of_a_finished_job_has_the_timeline_of_its_asset() -> None:
    upload, started = entry(records.uploaded()), entry(job_started())
    ended = letter(entry(records.job_finished("labels-1"), 3), "labels", 4)
    assets = KnownAssets(upload, started, ended)
    assert "DeadLetter" in {step.event for step in detail.steps_of(ended, assets)}
    assert assets.requested == ["labels-1", NAME]


def test_unparseable_dead_letter_has_no_timeline() -> None:
    dead = undecodable()
    assert detail.steps_of(dead, KnownAssets(dead)) == []


def test_bridge_letter_has_no_asset() -> None:
    dead = opened(a_letter(topic="bridge.dlq", key=b"a/b"))
    assets = KnownAssets()
    assert detail.steps_of(dead, assets) == []
    assert assets.requested == []


def test_timeline_redacts_secrets() -> None:
    upload = entry(records.uploaded(records.asset("a.jpg?sig=CANARY")))
    dead = letter(upload, "probe")
    [step] = [step for step in detail.steps_of(dead, KnownAssets(upload, dead)) if step.event == "DeadLetter"]
    assert "CANARY" not in repr(step)
