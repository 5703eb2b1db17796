"""The parser recognises each message format by its content and never raises."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace.connectors.events.parser import NAMED, parse_message
from headrace.connectors.events.results import EventWithMetadata, Ignored, Parsed, Rejected
from headrace.schemas import topics
from headrace.schemas.cloudevents import from_headers
from headrace.schemas.records import AwsEvent, JobFinished, MediaDeleted, MediaUploaded
from headrace.schemas.serde.codec import to_producer_record
from tests.support.records import CODEC
from tests.unit.connectors.webhook import sns_messages

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
WHEN = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)


def facts(body: str | bytes) -> tuple[EventWithMetadata, ...]:
    found = parse_message(body, NOW)
    assert isinstance(found, Parsed), found
    return found.events


def fact(body: str | bytes) -> EventWithMetadata:
    (found,) = facts(body)
    return found


def fixture_bodies() -> list[tuple[str, str, type]]:
    """Every fixture as the queue holds it: SQS ones are in Lambda's form, the message under `body`."""
    body = sns_messages.fixture("s3SqsEvent.json")["Records"][0]["body"]
    whole = {
        "s3Event.json": MediaUploaded,
        "s3EventDeleteObject.json": MediaDeleted,
        "s3EventBridgeNotificationObjectCreatedEvent.json": MediaUploaded,
        "s3EventBridgeNotificationObjectDeletedEvent.json": MediaDeleted,
        "s3EventBridgeNotificationObjectExpiredEvent.json": MediaDeleted,
        "eventBridgeEvent.json": AwsEvent,
    }
    read = [(name, json.dumps(sns_messages.fixture(name)), kind) for name, kind in whole.items()]
    notified = sns_messages.fixture("snsSqsEvent.json")["Records"][0]["body"]
    lambda_sns = sns_messages.fixture("snsEvent.json")["Records"][0]["Sns"]
    return [
        *read,
        ("s3SqsEvent.json", body, MediaUploaded),
        ("snsSqsEvent.json", notified, AwsEvent),
        ("snsEvent.json", json.dumps(lambda_sns), AwsEvent),
    ]


@pytest.mark.parametrize(("name", "body", "kind"), fixture_bodies())
def test_aws_samples_are_parsed(name: str, body: str, kind: type) -> None:
    event, envelope = fact(body)

    assert type(event) is kind
    assert envelope.type == f"headrace.{kind.__name__}"
    assert envelope.subject == topics.subject_of(event)


@pytest.mark.parametrize("name", ["sqsEvent.json", "sqsDlqTriggerEvent.json"])
def test_samples_from_other_senders_are_rejected(name: str) -> None:
    for each in sns_messages.fixture(name)["Records"]:
        assert isinstance(parse_message(each["body"], NOW), Rejected)


@pytest.mark.parametrize(
    ("body", "kind", "topic"),
    [
        (sns_messages.notification(), MediaUploaded, "media.uploaded"),
        (sns_messages.notification(sns_messages.record(event="ObjectRemoved:Delete")), MediaDeleted, "media.deleted"),
        (sns_messages.bridged(), MediaUploaded, "media.uploaded"),
        (
            sns_messages.bridged(kind="Object Deleted", **{"deletion-type": "Permanently Deleted"}),
            MediaDeleted,
            "media.deleted",
        ),
        (sns_messages.notification(sns_messages.record(event="ObjectTagging:Put")), AwsEvent, "aws.events"),
        (sns_messages.bridged(kind="Object Tags Added"), AwsEvent, "aws.events"),
        (sns_messages.completion(), JobFinished, "jobs.finished"),
        (sns_messages.transcription(), JobFinished, "jobs.finished"),
        (sns_messages.conversion(), JobFinished, "jobs.finished"),
        (sns_messages.event("my.shop", "Order Placed", {"n": 1}), AwsEvent, "aws.events"),
    ],
)
@pytest.mark.parametrize("wrap", [str, sns_messages.sns], ids=["raw", "through SNS"])
def test_event_kind_selects_the_topic_with_or_without_sns(wrap: Any, body: str, kind: type, topic: str) -> None:
    event, _ = fact(wrap(body))

    assert (type(event), topics.topic_of(event).name) == (kind, topic)
    assert fact(wrap(body)) == fact(body) == fact(body.encode())


def test_multiple_records_keep_their_order() -> None:
    found = facts(
        sns_messages.notification(
            sns_messages.record("a"), sns_messages.record("b", "ObjectTagging:Put"), sns_messages.record("c")
        )
    )

    assert [topics.topic_of(event).name for event, _ in found] == ["media.uploaded", "aws.events", "media.uploaded"]


def by_lambda(*messages: str) -> str:
    """Notifications as Lambda receives them from SNS."""
    [template] = sns_messages.fixture("snsEvent.json")["Records"]
    return json.dumps({"Records": [{**template, "Sns": {**template["Sns"], "Message": each}} for each in messages]})


@pytest.mark.parametrize("wrap", [str, sns_messages.sns], ids=["forwarded", "through SNS again"])
def test_sns_record_of_lambda_has_the_events_of_its_message(wrap: Any) -> None:
    messages = sns_messages.notification(sns_messages.record("a"), sns_messages.record("b")), sns_messages.completion()

    assert facts(wrap(by_lambda(*messages))) == (*facts(messages[0]), *facts(messages[1]))


def test_text_in_an_sns_record_of_lambda_is_kept_without_links() -> None:
    event, envelope = fact(json.dumps(sns_messages.fixture("snsEvent.json")))

    assert isinstance(event, AwsEvent)
    assert (event.source, event.detail_type, envelope.source) == ("aws.sns", "Notification", "aws.sns")
    body = json.loads(event.body)
    assert (body["Message"], body["Subject"]) == ("Hello from SNS!", "TestInvoke")
    assert "Unsubscribe" not in event.body
    assert "SigningCert" not in event.body


def test_unparseable_sns_record_of_lambda_rejects_the_message_and_keeps_the_others() -> None:
    good, bad = sns_messages.notification(), sns_messages.notification(sns_messages.record(version="3.0"))
    found = parse_message(by_lambda(good, bad), NOW)

    assert isinstance(found, Rejected)
    assert found.reason == "Records[1]: Records[0]: eventVersion is not 2.x"
    assert found.events == facts(good)


def test_sns_record_of_lambda_with_a_test_message_is_ignored() -> None:
    found = parse_message(by_lambda(json.dumps({"Event": "s3:TestEvent"})), NOW)

    assert found == Ignored("S3 test event")


@pytest.mark.parametrize("sns", ["text", {}, {"Type": "Notification"}, {"TopicArn": 5, "Type": "Notification"}])
def test_sns_record_of_lambda_without_a_notification_is_rejected(sns: Any) -> None:
    found = parse_message(json.dumps({"Records": [{"EventSource": "aws:sns", "Sns": sns}]}), NOW)

    assert isinstance(found, Rejected)


def test_invalid_record_rejects_the_message_and_keeps_valid_records() -> None:
    found = parse_message(
        sns_messages.notification(
            sns_messages.record("a"), sns_messages.record("b", version="3.0"), sns_messages.record("c")
        ),
        NOW,
    )

    assert isinstance(found, Rejected)
    assert (found.code, found.reason) == ("unreadable", "Records[1]: eventVersion is not 2.x")
    assert found.events == facts(sns_messages.notification(sns_messages.record("a"), sns_messages.record("c")))


def test_rejection_names_some_invalid_records_and_counts_the_rest() -> None:
    found = parse_message(sns_messages.notification(*[sns_messages.record(version="3.0")] * (NAMED + 2)), NOW)

    assert isinstance(found, Rejected)
    assert found.reason.count("Records[") == NAMED
    assert found.reason.endswith("; and 2 more")


def test_records_of_other_services_are_kept_unchanged() -> None:
    record = '{"eventSource":"aws:codecommit","eventName":"Push",  "eventTime":"2026-03-14T15:09:26.535+0000","n":1.50}'

    event, envelope = fact(f'{{"Records":[{record}]}}')

    assert event == AwsEvent(source="aws.codecommit", detail_type="Push", occurred_at=WHEN, body=record)
    assert envelope.source == "aws.codecommit"


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "media"}),
        sns_messages.conversion("STATUS_UPDATE"),
        json.dumps({"Type": "SubscriptionConfirmation", "TopicArn": sns_messages.TOPIC, "Token": "secret"}),
        json.dumps({"Type": "UnsubscribeConfirmation", "TopicArn": sns_messages.TOPIC, "Token": "secret"}),
    ],
)
@pytest.mark.parametrize("wrap", [str, sns_messages.sns], ids=["raw", "through SNS"])
def test_messages_without_events_are_ignored(wrap: Any, body: str) -> None:
    found = parse_message(wrap(body), NOW)

    assert isinstance(found, Ignored)
    assert "secret" not in found.reason
    assert found.notable is ("Confirmation" in body)


def test_event_of_unknown_source_is_kept_unchanged() -> None:
    fields = '"source":"my.shop", "detail-type":"Order",  "detail":{"b":1,"a":1.50}'
    body = f'{{{fields}, "id":"7","time":"2026-03-14T15:09:26Z"}}'

    event, envelope = fact(body)

    assert event == AwsEvent(source="my.shop", detail_type="Order", event_id="7", occurred_at=NOW, body=body)
    assert (envelope.source, envelope.time) == ("my.shop", "2026-03-14T15:09:26.000Z")


def test_large_numbers_keep_their_precision() -> None:
    number = 2**70 + 1

    event, _ = fact(sns_messages.event("my.shop", "Order", {"number": number}))
    record, _ = fact(sns_messages.notification({**sns_messages.record(event="ObjectTagging:Put"), "number": number}))

    for kept in (event, record):
        assert isinstance(kept, AwsEvent)
        assert str(number) in kept.body


@pytest.mark.parametrize("detail", [{}, [], None, "text"])
def test_event_accepts_any_detail(detail: Any) -> None:
    event, _ = fact(sns_messages.event("my.shop", "Order", detail))

    assert isinstance(event, AwsEvent)
    assert json.loads(event.body)["detail"] == detail


@pytest.mark.parametrize(
    ("time", "occurred_at"),
    [
        ("2026-03-14T15:09:26.535Z", WHEN),
        ("2026-03-14T16:09:26.535+01:00", WHEN),
        ("2026-03-14T15:09:26.535", WHEN),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59-14:00", NOW),
        ("0001-01-01T00:00:00+14:00", NOW),
        ("tomorrow", NOW),
        (7, NOW),
        (None, NOW),
    ],
)
def test_event_with_invalid_time_is_kept(time: Any, occurred_at: datetime) -> None:
    event, envelope = fact(sns_messages.event("my.shop", "Order", {}, time=time))

    assert isinstance(event, AwsEvent)
    assert event.occurred_at == occurred_at
    assert envelope.time.startswith(occurred_at.strftime("%Y-%m-%dT%H:%M:%S."))


def test_event_without_detail_type_or_time_uses_the_receive_time() -> None:
    event, _ = fact('{"source":"aws.securitylake","detail":{"bucket":{}}}')

    assert isinstance(event, AwsEvent)
    assert (event.detail_type, event.event_id, event.occurred_at) == ("", None, NOW)


@pytest.mark.parametrize("message", ["Hello from SNS!", '{"AlarmName": "lag"}', '{"source": 7}', "[1, 2]", ""])
def test_custom_sns_message_is_kept_without_its_unsubscribe_url(message: str) -> None:
    event, _ = fact(sns_messages.sns(message))

    assert isinstance(event, AwsEvent)
    assert (event.source, event.event_id, event.occurred_at) == ("aws.sns", "m-1", WHEN)
    assert json.loads(event.body)["Message"] == message
    assert "Unsubscribe" not in event.body


def test_invalid_message_in_a_valid_notification_is_rejected() -> None:
    assert isinstance(parse_message(sns_messages.sns('{"Records": [{'), NOW), Rejected)


def test_redelivered_message_has_the_same_ids_and_trace() -> None:
    first, second = (fact(sns_messages.notification())[1] for _ in range(2))

    assert first == second
    assert first.correlation == first.id
    version, trace, span, flags = first.traceparent.split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")
    assert int(trace, 16)
    assert int(span, 16)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf{}",
        '{"Records": [',
        '{"a": NaN}',
        '{"a": 1e999}',
        '"\\ud800"',
        "\ud800",
        "[" * 100_000,
        '{"a":' * 100_000,
        "null",
        "7",
        '"text"',
        "[]",
        "{}",
        '{"Records": "none"}',
        '{"Records": [null]}',
        '{"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}',
        sns_messages.notification({**sns_messages.record(), "eventVersion": "3.0"}),
        sns_messages.notification({**sns_messages.record(), "eventVersion": 2.1}),
        sns_messages.notification({**sns_messages.record(), "s3": []}),
        sns_messages.notification({**sns_messages.record(), "eventTime": "yesterday"}),
        sns_messages.notification({**sns_messages.record(), "eventTime": "0001-01-01T00:00:00+14:00"}),
        sns_messages.notification({**sns_messages.record(), "eventTime": 7}),
        sns_messages.notification(sns_messages.record(size=-1)),
        sns_messages.notification(sns_messages.record(size=2**63)),
        sns_messages.notification(sns_messages.record(size=True)),
        sns_messages.notification(sns_messages.record(key="")),
        sns_messages.completion(Timestamp=10**30),
        sns_messages.completion(JobId=7),
        sns_messages.event("aws.s3", "Object Created", {"bucket": {"name": "media"}, "object": {}}),
        sns_messages.sns(sns_messages.sns(sns_messages.sns(sns_messages.sns(sns_messages.notification())))),
        sns_messages.event("", "Order", {}),
        sns_messages.event("my.shop", "Order", {"text": "\ud800"}),
        sns_messages.event("my.shop", "Order", {}).replace("{}", "[" * 2000 + "]" * 2000),
        sns_messages.event("my.shop", "Order", {}).replace("{}", "NaN"),
        sns_messages.transcription(TranscriptionJobName=""),
        sns_messages.conversion(jobId=""),
        sns_messages.notification(sns_messages.record("k" * 1025)),
        sns_messages.bridged("\u00fc" * 513),
        json.dumps({"Type": "Goodbye", "TopicArn": sns_messages.TOPIC}),
    ],
)
def test_unparseable_message_is_rejected(body: str | bytes) -> None:
    found = parse_message(body, NOW)

    assert isinstance(found, Rejected)
    assert found.reason


def test_rejection_does_not_quote_the_message() -> None:
    for body in (
        '{"password": "hunter2"',
        sns_messages.notification({**sns_messages.record(), "eventVersion": "hunter2"}),
    ):
        found = parse_message(body, NOW)
        assert isinstance(found, Rejected)
        assert "hunter2" not in found.reason


def test_last_duplicate_key_wins() -> None:
    body = sns_messages.notification().replace('"eTag": "e1"', '"eTag": "e0", "eTag": "e1"')

    assert fact(body) == fact(sns_messages.notification())


@pytest.mark.parametrize("inside", ["x" * 2**20, "\u00fc" * 2**19, "\\u0000" * 2**17])
def test_message_of_one_megabyte_is_parsed(inside: str) -> None:
    assert isinstance(parse_message(f'{{"a": "{inside}"}}', NOW), Rejected)
    event, _ = fact(f'{{"source": "my.shop", "detail": "{inside}"}}')
    assert isinstance(event, AwsEvent)
    assert inside in event.body


def test_invalid_unused_field_is_ignored() -> None:
    body = sns_messages.notification(
        {**sns_messages.record(), "userIdentity": 7, "responseElements": [None, {"a": 1e300}]}
    )

    assert fact(body) == fact(sns_messages.notification())


@given(st.binary() | st.text(st.characters(exclude_categories=())))
def test_arbitrary_bytes_and_text_raise_nothing(body: bytes | str) -> None:
    assert isinstance(parse_message(body, NOW), Parsed | Ignored | Rejected)


ANY_TEXT = st.text(st.characters(exclude_categories=()))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)
VALID = [
    json.loads(body)
    for body in (
        sns_messages.notification(),
        sns_messages.bridged(),
        sns_messages.bridged(kind="Object Deleted"),
        sns_messages.completion(),
        sns_messages.transcription(),
        sns_messages.conversion(),
        sns_messages.conversion("STATUS_UPDATE"),
        sns_messages.sns(sns_messages.notification()),
        sns_messages.event("my.shop", "Order", {}),
    )
]


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a document something stands."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for name, each in inner for path in [(*before, name), *paths(each, (*before, name))]]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid message in which one to three places hold something else, or nothing."""
    body = json.loads(json.dumps(draw(st.sampled_from(VALID))))
    for _ in range(draw(st.integers(1, 3))):
        places = paths(body)
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        inside = body
        for step in way:
            inside = inside[step]
        if draw(st.booleans()):
            inside[last] = draw(VALUES)
        else:
            del inside[last]
    return json.dumps(body)


@settings(max_examples=500, deadline=None)
@given(mutated())
@example(sns_messages.notification({**sns_messages.record(), "eventTime": "9999-12-31T23:59:59-14:00"}))
def test_mutated_message_raises_nothing_and_its_records_can_be_encoded(body: str) -> None:
    found = parse_message(body, NOW)

    for event, envelope in () if isinstance(found, Ignored) else found.events:
        ready = to_producer_record(event, envelope, CODEC)
        assert ready.key
        assert CODEC.decode(ready.value).EVENT == event.EVENT
        assert from_headers(ready.headers) == envelope
        assert str(uuid.UUID(envelope.id)) == envelope.id
