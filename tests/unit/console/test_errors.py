"""Expected errors become one line; others are raised."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from confluent_kafka import KafkaError, KafkaException

from headrace.connectors.aws.client import AwsCallError
from headrace.console.errors import CommandError
from headrace.console.explain import describe
from headrace.schemas.serde.codec import RegistryUnavailableError, SchemaNotRegisteredError
from headrace.schemas.serde.schema_topic import SchemasNotPublishedError
from headrace.schemas.settings import SettingsError
from headrace.streams.errors import OutageError
from headrace.streams.worker.host import WorkerError

NOT_UTF8 = "an argument or a name of a file is not valid UTF-8"
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, "PutObject")
UNREACHABLE = KafkaException(KafkaError(KafkaError._TRANSPORT))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (CommandError("no such thing"), "no such thing"),
        (SettingsError("HEADRACE_X is not set"), "HEADRACE_X is not set"),
        (UNREACHABLE, "no Kafka at localhost:1: start it, or correct HEADRACE_BOOTSTRAP_SERVERS"),
        (RegistryUnavailableError("no schema registry at x"), "no schema registry at x"),
        (SchemaNotRegisteredError("the schema registry lacks A v1"), "the schema registry lacks A v1"),
        (SchemasNotPublishedError("no answer in 30 s"), "Kafka did not accept the schemas: no answer in 30 s"),
        (DENIED, "AWS rejected PutObject: AccessDenied not yours"),
        (NoCredentialsError(), "AWS: Unable to locate credentials"),
        (OutageError("the epoch is not a number"), "the epoch is not a number"),
        (WorkerError("stage labels: gone"), "stage labels: gone"),
        (AwsCallError("s3: Invalid endpoint: x"), "AWS: s3: Invalid endpoint: x"),
        (UnicodeEncodeError("utf-8", "\udc80", 0, 1, "surrogates not allowed"), NOT_UTF8),
        (PermissionError(13, "Permission denied", "/x"), "/x: Permission denied"),
    ],
)
def test_expected_error_is_one_line(error: Exception, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "localhost:1")
    assert describe(error) == expected


@pytest.mark.parametrize("error", [ValueError("bug"), BrokenPipeError(32, "Broken pipe"), KeyError("x")])
def test_bug_is_not_an_expected_error(error: Exception) -> None:
    assert describe(error) is None
