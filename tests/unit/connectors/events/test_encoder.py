"""A message is encoded as records within the size limit, or rejected with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.connectors.events.encoder import LARGEST_RECORD, LARGEST_UNCHANGED, encode_message, encode_valid_parts
from headrace.connectors.events.results import Ignored, Rejected
from headrace.schemas import topics
from headrace.schemas.aws_limits import SQS_MESSAGE_BYTES
from headrace.schemas.cloudevents import from_headers
from headrace.schemas.records import MediaUploaded
from tests.support.records import CODEC
from tests.unit.connectors.webhook import sns_messages

NOW = datetime(2026, 3, 14, tzinfo=UTC)


def test_record_has_topic_key_and_encoded_value() -> None:
    found = encode_message(sns_messages.notification(), NOW, CODEC)

    assert isinstance(found, tuple)
    assert (found[0].topic, found[0].key) == ("media.uploaded", b"media/a.jpg")
    assert from_headers(found[0].headers).event == "MediaUploaded"
    assert isinstance(CODEC.decode(found[0].value), MediaUploaded)


@pytest.mark.parametrize("size", [LARGEST_RECORD, SQS_MESSAGE_BYTES - 200])
def test_event_of_the_largest_size_of_a_message_is_encoded(size: int) -> None:
    body = sns_messages.event("my.shop", "Order", {"text": "x" * size})

    records = encode_message(body, NOW, CODEC)

    assert isinstance(records, tuple)
    assert records[0].topic == "aws.events"
    assert len(records[0].value or b"") < topics.LARGEST


def test_event_larger_than_a_message_is_rejected() -> None:
    body = sns_messages.event("my.shop", "Order", {"text": "x" * LARGEST_UNCHANGED})

    assert encode_message(body, NOW, CODEC) == Rejected("too_large", "a record of more than 1280 KB")


def test_oversized_key_is_rejected() -> None:
    found = encode_message(sns_messages.notification(sns_messages.record("x" * LARGEST_RECORD)), NOW, CODEC)

    assert isinstance(found, Rejected)


def test_valid_parts_of_a_rejected_message_are_encoded() -> None:
    large = sns_messages.record("large", event="ObjectTagging:Put", eTag="x" * LARGEST_UNCHANGED)
    found = encode_message(
        sns_messages.notification(sns_messages.record("a"), large, sns_messages.record("b", version="3.0")), NOW, CODEC
    )

    assert isinstance(found, Rejected)
    assert (found.code, found.reason) == ("unreadable", "Records[2]: eventVersion is not 2.x")
    assert encode_valid_parts(found, CODEC) == encode_message(
        sns_messages.notification(sns_messages.record("a")), NOW, CODEC
    )


def test_oversized_record_does_not_affect_others() -> None:
    large = sns_messages.record("large", event="ObjectTagging:Put", eTag="x" * LARGEST_UNCHANGED)
    found = encode_message(sns_messages.notification(large, sns_messages.record("a")), NOW, CODEC)

    assert isinstance(found, Rejected)
    assert found.code == "too_large"
    assert encode_valid_parts(found, CODEC) == encode_message(
        sns_messages.notification(sns_messages.record("a")), NOW, CODEC
    )


def test_unencodable_record_is_rejected_and_does_not_block() -> None:
    class Broken:
        def encode(self, record: Any) -> bytes:
            raise ValueError("a bug")

    book: Any = Broken()

    assert encode_message(sns_messages.notification(), NOW, book) == Rejected("internal_error", "a bug")


def test_rejected_and_ignored_results_are_returned_unchanged() -> None:
    assert isinstance(encode_message("no json", NOW, CODEC), Rejected)
    assert isinstance(encode_message(json.dumps({"Event": "s3:TestEvent"}), NOW, CODEC), Ignored)
