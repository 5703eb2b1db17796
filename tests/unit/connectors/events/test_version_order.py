"""Uploads without a sequencer are ordered as they were written, whenever their HEAD requests are answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.aws.object_head import ObjectHead, ObjectHeadUnavailableError
from headrace.connectors.events.parser import parse_message
from headrace.connectors.events.results import EventWithMetadata, Parsed, Rejected
from headrace.connectors.events.version_order import corrected, order_versions, time_sequencer
from headrace.schemas.ids import sequencer_order
from headrace.schemas.records import MediaUploaded
from tests.unit.connectors.webhook import sns_messages

NOW = datetime(2026, 3, 14, 15, tzinfo=UTC)
TIME = datetime(2026, 3, 14, 15, 9, 26, 535_000, tzinfo=UTC)
"""The time of the events of `sns_messages`."""


def ms(milliseconds: int) -> datetime:
    return NOW + timedelta(milliseconds=milliseconds)


class Heads:
    """Answers HEAD requests and counts them."""

    def __init__(self, answer: ObjectHead | Exception | None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, str | None]] = []

    def __call__(self, bucket: str, key: str, version_id: str | None) -> ObjectHead | None:
        self.asked.append((bucket, key, version_id))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def record(**found: Any) -> dict[str, Any]:
    """A record of a store that sends no sequencer."""
    return sns_messages.record(**{"sequencer": "", **found})


def parsed(*records: dict[str, Any]) -> Parsed:
    found = parse_message(sns_messages.notification(*(records or [record()])), NOW)
    assert isinstance(found, Parsed)
    return found


def ordered(heads: Heads, *records: dict[str, Any]) -> EventWithMetadata:
    found = order_versions(parsed(*records), heads)
    assert isinstance(found, Parsed)
    return found.events[0]


def sequencer(heads: Heads, *records: dict[str, Any]) -> str:
    event = ordered(heads, *records)[0]
    assert isinstance(event, MediaUploaded)
    return event.asset.sequencer


def test_event_without_a_sequencer_is_ordered_by_its_time_and_before_those_of_s3() -> None:
    own = sequencer(Heads(None))
    assert own == time_sequencer(TIME)
    assert sequencer_order(own) < sequencer_order("0000000000000001")


@pytest.mark.parametrize("event", ["ObjectCreated:Put", "ObjectRemoved:Delete"])
def test_events_with_a_sequencer_and_removals_send_no_request(event: str) -> None:
    heads = Heads(ObjectHead("e2", NOW))
    given = sns_messages.record(event=event)
    assert order_versions(parsed(given), heads) == parsed(given)
    removed = record(event="ObjectRemoved:Delete")
    assert order_versions(parsed(removed), heads) == parsed(removed)
    assert heads.asked == []


def test_upload_without_an_etag_sends_no_request() -> None:
    heads = Heads(ObjectHead("e1", TIME + timedelta(seconds=3)))
    assert sequencer(heads, record(eTag="")) == time_sequencer(TIME)
    assert heads.asked == []


def test_upload_sends_one_request_for_its_version() -> None:
    heads = Heads(None)
    ordered(heads, record(key="a b.jpg", versionId="v1"))
    assert heads.asked == [("media", "a b.jpg", "v1")]


def test_current_upload_is_not_older_than_its_last_modified() -> None:
    later = TIME + timedelta(seconds=3)
    assert sequencer(Heads(ObjectHead("e1", later))) == time_sequencer(later)
    assert sequencer(Heads(ObjectHead("e1", TIME.replace(microsecond=0)))) == time_sequencer(TIME)


def test_replaced_upload_is_older_than_the_object_that_replaced_it() -> None:
    second = TIME.replace(microsecond=0)
    assert sequencer(Heads(ObjectHead("e2", second))) == time_sequencer(second - timedelta(milliseconds=1))
    assert sequencer(Heads(ObjectHead("e2", TIME + timedelta(hours=1)))) == time_sequencer(TIME)


@pytest.mark.parametrize("etag", ["e1", "e2"])
def test_event_without_a_time_is_ordered_by_last_modified(etag: str) -> None:
    timeless = record()
    del timeless["eventTime"]
    assert sequencer(Heads(None), timeless) == ""
    expected = TIME if etag == "e1" else TIME - timedelta(milliseconds=1)
    assert sequencer(Heads(ObjectHead(etag, TIME)), timeless) == time_sequencer(expected)


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_any_time_is_a_sequencer_of_32_digits(year: int) -> None:
    assert len(time_sequencer(datetime(year, 1, 1, tzinfo=UTC))) == 32
    assert len(corrected("", "e1", ObjectHead("e2", datetime(year, 1, 1, tzinfo=UTC)))) == 32


def test_id_does_not_depend_on_the_answer() -> None:
    answers = [None, ObjectHead("e1", TIME + timedelta(hours=1)), ObjectHead("e2", NOW)]
    assert len({ordered(Heads(answer))[1].id for answer in answers}) == 1


def test_two_uploads_of_the_same_content_have_different_ids() -> None:
    again = record()
    again["eventTime"] = "2026-03-14T15:09:26.536Z"
    assert ordered(Heads(None))[1].id != ordered(Heads(None), again)[1].id


def test_event_of_eventbridge_without_a_sequencer_is_ordered_by_its_time() -> None:
    bridged = json.loads(sns_messages.bridged())
    del bridged["detail"]["object"]["sequencer"]
    found = parse_message(json.dumps(bridged), NOW)
    assert isinstance(found, Parsed)
    event = found.events[0][0]
    assert isinstance(event, MediaUploaded)
    assert event.asset.sequencer == time_sequencer(TIME.replace(microsecond=0))


def test_valid_parts_of_a_rejected_message_are_ordered_too() -> None:
    found = parse_message(sns_messages.notification(record(), sns_messages.record(version="3.0")), NOW)
    heads = Heads(ObjectHead("e1", TIME + timedelta(seconds=1)))
    rejected = order_versions(found, heads)
    assert isinstance(rejected, Rejected)
    [(event, _)] = rejected.events
    assert isinstance(event, MediaUploaded)
    assert event.asset.sequencer == time_sequencer(TIME + timedelta(seconds=1))


def test_unanswered_request_is_raised() -> None:
    with pytest.raises(ObjectHeadUnavailableError):
        order_versions(parsed(), Heads(ObjectHeadUnavailableError("503")))


class Write(NamedTuple):
    """A write of one object: its time, its content, the time of its event, and how many writes the HEAD came after."""

    at: int
    etag: str
    event_at: int
    seen: int


@st.composite
def histories(draw: st.DrawFn, largest_delay: int) -> list[Write]:
    """Writes in their order, a millisecond or more apart, some with the content of an earlier one."""
    pauses = draw(st.lists(st.integers(1, 900), min_size=2, max_size=6))
    writes: list[Write] = []
    at = draw(st.integers(0, 999))
    for number, pause in enumerate(pauses):
        at += pause
        etag = draw(st.sampled_from("abc"))
        delay = draw(st.integers(0, largest_delay))
        writes.append(Write(at, etag, at + delay, draw(st.integers(number, len(pauses) - 1))))
    return writes


def sequencers(writes: list[Write]) -> list[str]:
    """The sequencer of each write, whose HEAD request is answered after any write. Last-Modified is in seconds."""
    answers = [ObjectHead(writes[write.seen].etag, ms(writes[write.seen].at // 1000 * 1000)) for write in writes]
    return [
        corrected(time_sequencer(ms(write.event_at)), write.etag, answer)
        for write, answer in zip(writes, answers, strict=True)
    ]


@given(histories(largest_delay=0))
def test_last_write_is_the_newest_version(writes: list[Write]) -> None:
    *others, last = sequencers(writes)
    # Versions with the same content and sequencer are one version.
    same = [write.etag == writes[-1].etag for write in writes[:-1]]
    assert all(other < last or (other == last and is_same) for other, is_same in zip(others, same, strict=True))


@given(histories(largest_delay=5000))
def test_replaced_upload_is_older_whatever_the_times_of_the_events(writes: list[Write]) -> None:
    *others, last = sequencers(writes)
    replaced = [write.seen == len(writes) - 1 and write.etag != writes[-1].etag for write in writes[:-1]]
    assert all(other < last for other, is_replaced in zip(others, replaced, strict=True) if is_replaced)


@given(histories(largest_delay=0), st.integers(1, 900))
def test_removal_is_newer_than_every_write_before_it_and_older_than_the_next(writes: list[Write], pause: int) -> None:
    removed = time_sequencer(ms(writes[-1].at + pause))
    again = corrected(time_sequencer(ms(writes[-1].at + pause + 1)), "z", None)
    assert all(each < removed < again for each in sequencers(writes))
