"""Expected errors are said in one line, others are not swallowed."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from confluent_kafka import KafkaError, KafkaException

from headrace.console.errors import Refused
from headrace.console.explain import in_words
from headrace.schemas.serde.codec import NotRegistered, RegistryDown
from headrace.schemas.serde.schema_topic import NotPublished
from headrace.schemas.settings import SettingsError
from headrace.streams.worker.host import WorkerFailed

DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, "PutObject")
UNREACHABLE = KafkaException(KafkaError(KafkaError._TRANSPORT))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refused("no such thing"), "no such thing"),
        (SettingsError("HEADRACE_X is not set"), "HEADRACE_X is not set"),
        (UNREACHABLE, "no Kafka at localhost:1: start it, or correct HEADRACE_BOOTSTRAP_SERVERS"),
        (RegistryDown("no schema registry at x"), "no schema registry at x"),
        (NotRegistered("the schema registry lacks A v1"), "the schema registry lacks A v1"),
        (NotPublished("no answer in 30 s"), "Kafka did not take the schemas: no answer in 30 s"),
        (DENIED, "AWS refuses PutObject: AccessDenied not yours"),
        (NoCredentialsError(), "AWS: Unable to locate credentials"),
        (WorkerFailed("stage labels: gone"), "stage labels: gone"),
        (PermissionError(13, "Permission denied", "/x"), "/x: Permission denied"),
    ],
)
def test_an_expected_error_is_one_line(error: Exception, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "localhost:1")
    assert in_words(error) == said


@pytest.mark.parametrize("error", [ValueError("bug"), BrokenPipeError(32, "Broken pipe"), KeyError("x")])
def test_a_bug_is_not_expected(error: Exception) -> None:
    assert in_words(error) is None
