"""The signed text of SNS messages, and forged messages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.webhook.sns_signature import (
    InvalidSignatureError,
    certificate_names,
    parse_sns_message,
)
from tests.support.fake_sns import CERTIFICATE_URL, TOPIC, body_of

NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "9d2c5580-b61d-550c-8583-37a582870907",
    "TopicArn": TOPIC,
    "Message": 'two\nlines and a "quote"',
    "Timestamp": "2026-03-14T15:09:26.535Z",
    "SignatureVersion": "1",
    "Signature": "c2lnbmF0dXJl",
    "SigningCertURL": CERTIFICATE_URL,
}
CONFIRMATION = {
    **NOTIFICATION,
    "Type": "SubscriptionConfirmation",
    "Token": "secret-token",
    "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Token=secret-token",
}
MISSING = object()


def changed(message: dict[str, Any], **fields: Any) -> bytes:
    return body_of({name: value for name, value in {**message, **fields}.items() if value is not MISSING})


def test_signed_text_has_the_fields_sorted_by_name() -> None:
    assert parse_sns_message(changed(NOTIFICATION)).signature.text == (
        b'Message\ntwo\nlines and a "quote"\nMessageId\n9d2c5580-b61d-550c-8583-37a582870907\n'
        b"Timestamp\n2026-03-14T15:09:26.535Z\nTopicArn\n" + TOPIC.encode() + b"\nType\nNotification\n"
    )


def test_subject_is_signed_if_present() -> None:
    text = parse_sns_message(changed(NOTIFICATION, Subject="Größe")).signature.text
    assert "\nSubject\nGröße\nTimestamp\n".encode() in text
    assert (
        parse_sns_message(changed(NOTIFICATION, Subject=None)).signature.text
        == parse_sns_message(changed(NOTIFICATION)).signature.text
    )


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_confirmation_signs_token_and_url_without_subject(kind: str) -> None:
    assert parse_sns_message(changed(CONFIRMATION, Type=kind, Subject="none of it")).signature.text == (
        b'Message\ntwo\nlines and a "quote"\nMessageId\n9d2c5580-b61d-550c-8583-37a582870907\n'
        b"SubscribeURL\nhttps://sns.us-east-1.amazonaws.com/?Token=secret-token\nTimestamp\n2026-03-14T15:09:26.535Z\n"
        b"Token\nsecret-token\nTopicArn\n" + TOPIC.encode() + f"\nType\n{kind}\n".encode()
    )


def test_parsed_fields_equal_the_message() -> None:
    found = parse_sns_message(changed(CONFIRMATION, SignatureVersion="2"))
    assert (found.type, found.id, found.topic_arn) == ("SubscriptionConfirmation", NOTIFICATION["MessageId"], TOPIC)
    assert found.token == "secret-token"
    assert found.sent_at == datetime(2026, 3, 14, 15, 9, 26, 535000, UTC)
    assert (found.signature.signature, found.signature.digest) == (b"signature", "sha256")
    assert found.signature.certificate_url == CERTIFICATE_URL


def test_unsigned_fields_are_ignored() -> None:
    found = parse_sns_message(
        changed(NOTIFICATION, MessageAttributes={"a": {"Type": "String", "Value": "b"}}, Token="t")
    )
    assert json.loads(found.document).keys() == {"Message", "MessageId", "Timestamp", "TopicArn", "Type"}
    assert found.token == ""


def test_repr_contains_neither_token_nor_text() -> None:
    shown = repr(parse_sns_message(changed(CONFIRMATION)))
    assert "secret-token" not in shown
    assert "quote" not in shown


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Type", MISSING),
        ("Type", "Alarm"),
        ("Type", ["Notification"]),
        ("Type", {"Notification": 1}),
        ("Message", MISSING),
        ("Message", {"Records": []}),
        ("Message", ""),
        ("MessageId", 7),
        ("MessageId", "../../x"),
        ("MessageId", "9D2C5580-B61D-550C-8583-37A582870907"),
        ("Timestamp", "yesterday"),
        ("Timestamp", "2026-03-14T15:09:26"),
        ("Timestamp", 1773500966),
        ("TopicArn", MISSING),
        ("TopicArn", "arn:aws:sqs:us-east-1:000000000000:media"),
        ("TopicArn", "arn:aws:sns:us-east-1:000000000000:media.fifo"),
        ("TopicArn", "arn:aws:sns:us-east-1.evil.com/:000000000000:media"),
        ("TopicArn", TOPIC + "\n"),
        ("Subject", ["a"]),
        ("Subject", "a\nTimestamp\nb"),
        ("SignatureVersion", MISSING),
        ("SignatureVersion", 1),
        ("SignatureVersion", "3"),
        ("SignatureVersion", "0"),
        ("Signature", MISSING),
        ("Signature", "not base64!"),
        ("Signature", "c2lnbmF0dXJl\n"),
        ("SigningCertURL", MISSING),
        ("SigningCertURL", [CERTIFICATE_URL]),
    ],
)
def test_invalid_field_is_rejected(field: str, value: Any) -> None:
    with pytest.raises(InvalidSignatureError) as caught:
        parse_sns_message(changed(NOTIFICATION, **{field: value}))
    assert field in str(caught.value)


@pytest.mark.parametrize("field", ["Token", "SubscribeURL"])
@pytest.mark.parametrize("value", [MISSING, 1, "a\nTopicArn\nb"])
def test_confirmation_without_token_or_url_is_rejected(field: str, value: Any) -> None:
    with pytest.raises(InvalidSignatureError, match=field):
        parse_sns_message(changed(CONFIRMATION, **{field: value}))


PATH = "/SimpleNotificationService-" + "0" * 32 + ".pem"


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com" + PATH,
        "HTTPS://sns.us-east-1.amazonaws.com" + PATH,
        "https://sns.us-east-1.amazonaws.com.evil.com" + PATH,
        "https://evil.com/sns.us-east-1.amazonaws.com" + PATH,
        "https://evil.com#sns.us-east-1.amazonaws.com" + PATH,
        "https://evil.com\\@sns.us-east-1.amazonaws.com" + PATH,
        "https://evil.com@sns.us-east-1.amazonaws.com" + PATH,
        "https://sns.us-east-1.amazonaws.com@evil.com" + PATH,
        "https://user:word@sns.us-east-1.amazonaws.com" + PATH,
        "https://sns.us-east-1.amazonaws.com:443" + PATH,
        "https://sns.us-east-1.amazonaws.com:8443" + PATH,
        "https://sns.us-east-1.amazonaws.com." + PATH,
        "https://sns.us-east-1.amazonaws.com.cn" + PATH,
        "https://SNS.us-east-1.amazonaws.com" + PATH,
        "https://sns.eu-west-1.amazonaws.com" + PATH,
        "https://sns.s3-us-west-2.amazonaws.com" + PATH,
        "https://sns.s3.amazonaws.com" + PATH,
        "https://s3.amazonaws.com/sns" + PATH,
        "https://snsXus-east-1.amazonaws.com" + PATH,
        "https://sns.us-east-1.amazonaws.com" + PATH + "?a=b",
        "https://sns.us-east-1.amazonaws.com" + PATH + "#a",
        "https://sns.us-east-1.amazonaws.com" + PATH + "\n",
        " https://sns.us-east-1.amazonaws.com" + PATH,
        "https://sns.us-east-1.amazonaws.com/x" + PATH,
        "https://sns.us-east-1.amazonaws.com/.." + PATH,
        "https://sns.us-east-1.amazonaws.com/" + PATH,
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" + "0" * 31 + ".pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" + "٠" * 32 + ".pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" + "0" * 32 + "/a.pem",
        "https://sns.us-east-1.amazonaws.com/?Action=Publish&a=.pem",
        "https://169.254.169.254" + PATH,
        "https://localhost" + PATH,
        "file:///etc/passwd",
    ],
)
def test_certificate_url_must_be_sns_in_the_topic_region(url: str) -> None:
    with pytest.raises(InvalidSignatureError, match="SigningCertURL"):
        parse_sns_message(changed(NOTIFICATION, SigningCertURL=url))


@pytest.mark.parametrize(
    ("partition", "region", "host", "names"),
    [
        ("aws", "eu-west-1", ".com", ("sns.amazonaws.com", "sns-signing.eu-west-1.amazonaws.com")),
        ("aws", "ap-southeast-3", ".com", ("sns.amazonaws.com", "sns-signing.ap-southeast-3.amazonaws.com")),
        ("aws-us-gov", "us-gov-east-1", ".com", ("sns-us-gov-west-1.amazonaws.com",)),
        ("aws-cn", "cn-north-1", ".com.cn", ("sns-cn-north-1.amazonaws.com.cn",)),
    ],
)
def test_each_partition_has_its_own_hosts_and_names(
    partition: str, region: str, host: str, names: tuple[str, ...]
) -> None:
    topic_arn = f"arn:{partition}:sns:{region}:123456789012:media"
    url = f"https://sns.{region}.amazonaws{host}{PATH}"
    assert (
        parse_sns_message(changed(NOTIFICATION, TopicArn=topic_arn, SigningCertURL=url)).signature.certificate_url
        == url
    )
    assert certificate_names(topic_arn) == names


def test_signed_text_cannot_be_split_into_other_fields() -> None:
    """A publisher controls the text of Message and can put field separators in it."""
    inner = "evil\nMessageId\n00000000-0000-0000-0000-000000000000\nSubject\nfree"
    honest = parse_sns_message(changed(NOTIFICATION, Message=inner))
    recut = {"Message": "evil", "MessageId": "00000000-0000-0000-0000-000000000000"}
    subject = honest.signature.text.decode().partition("Subject\n")[2].partition("\nTimestamp\n")[0]
    with pytest.raises(InvalidSignatureError, match="Subject"):
        parse_sns_message(changed(NOTIFICATION, **recut, Subject=subject))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"Type": NaN}',
        b'{"Type": "\\ud800"}',
        json.dumps(NOTIFICATION).encode()[:-1],
        b"[" * 100_000,
        b'{"Message":' * 5_000,
    ],
)
def test_body_must_be_a_json_object(body: bytes) -> None:
    with pytest.raises(InvalidSignatureError):
        parse_sns_message(body)


WORDS = st.text('ab\n"é\u2028', max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional={name: JSON | st.just(value) for name, value in CONFIRMATION.items()}))
def test_arbitrary_fields_parse_or_raise_invalid_signature(fields: dict[str, Any]) -> None:
    try:
        found = parse_sns_message(json.dumps(fields).encode(errors="surrogatepass"))
    except InvalidSignatureError:
        return
    assert found.topic_arn == TOPIC
