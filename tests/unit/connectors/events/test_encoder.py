"""A message becomes records that fit the log, or a reason why not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from headrace.connectors.events.encoder import LARGEST_RECORD, encode_message, encode_valid_parts
from headrace.connectors.events.results import Ignored, Rejected
from headrace.schemas.cloudevents import from_headers
from headrace.schemas.records import MediaUploaded
from tests.support.records import CODEC
from tests.unit.connectors.webhook import sns_messages

NOW = datetime(2026, 3, 14, tzinfo=UTC)


def test_a_record_is_addressed_and_encoded() -> None:
    found = encode_message(sns_messages.notification(), NOW, CODEC)

    assert isinstance(found, tuple)
    assert (found[0].topic, found[0].key) == ("media.uploaded", b"media/a.jpg")
    assert from_headers(found[0].headers).event == "MediaUploaded"
    assert isinstance(CODEC.decode(found[0].value), MediaUploaded)


def test_an_event_too_large_for_the_log_is_refused() -> None:
    body = sns_messages.event("my.shop", "Order", {"text": "x" * LARGEST_RECORD})

    assert encode_message(body, NOW, CODEC) == Rejected("too_large", "a record of more than 256 KB")


def test_a_key_too_large_for_the_log_is_refused() -> None:
    found = encode_message(sns_messages.notification(sns_messages.record("x" * LARGEST_RECORD)), NOW, CODEC)

    assert isinstance(found, Rejected)


def test_of_a_message_that_is_refused_in_part_the_rest_is_readable() -> None:
    large = sns_messages.record("large", event="ObjectTagging:Put", eTag="x" * LARGEST_RECORD)
    found = encode_message(
        sns_messages.notification(sns_messages.record("a"), large, sns_messages.record("b", version="3.0")), NOW, CODEC
    )

    assert isinstance(found, Rejected)
    assert (found.code, found.reason) == ("unreadable", "Records[2]: eventVersion is not 2.x")
    assert encode_valid_parts(found, CODEC) == encode_message(
        sns_messages.notification(sns_messages.record("a")), NOW, CODEC
    )


def test_a_record_too_large_takes_no_other_down_with_it() -> None:
    large = sns_messages.record("large", event="ObjectTagging:Put", eTag="x" * LARGEST_RECORD)
    found = encode_message(sns_messages.notification(large, sns_messages.record("a")), NOW, CODEC)

    assert isinstance(found, Rejected)
    assert found.code == "too_large"
    assert encode_valid_parts(found, CODEC) == encode_message(
        sns_messages.notification(sns_messages.record("a")), NOW, CODEC
    )


def test_a_record_that_we_cannot_encode_is_refused_rather_than_to_hold_up_what_comes_behind_it() -> None:
    class Broken:
        def encode(self, record: Any) -> bytes:
            raise ValueError("a bug")

    book: Any = Broken()

    assert encode_message(sns_messages.notification(), NOW, book) == Rejected("internal_error", "a bug")


def test_what_is_refused_or_ignored_stays_so() -> None:
    assert isinstance(encode_message("no json", NOW, CODEC), Rejected)
    assert isinstance(encode_message(json.dumps({"Event": "s3:TestEvent"}), NOW, CODEC), Ignored)
