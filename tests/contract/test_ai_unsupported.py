"""Tests that calls which are not emulated get an AWS error that names the operation, in every protocol."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from tests.contract.ai import connect, in_s3

pytestmark = pytest.mark.system

JSON_ERROR, QUERY_ERROR, S3_ERROR = "UnknownOperationException", "InvalidAction", "NotImplemented"

COUNTED = {"modelId": "arn:aws:bedrock:us-east-1::model/a", "input": {"invokeModel": {"body": b"{}"}}}
CALLS: list[tuple[str, str, dict[str, Any], str]] = [
    ("rekognition", "detect_protective_equipment", {"Image": in_s3("bottles.jpg")}, JSON_ERROR),
    ("textract", "analyze_id", {"DocumentPages": [in_s3("bottles.jpg")]}, JSON_ERROR),
    ("comprehend", "batch_detect_sentiment", {"TextList": ["a"], "LanguageCode": "en"}, JSON_ERROR),
    ("polly", "synthesize_speech", {"OutputFormat": "mp3", "Text": "a", "VoiceId": "Joanna"}, JSON_ERROR),
    ("polly", "describe_voices", {}, JSON_ERROR),
    ("polly", "get_lexicon", {"Name": "a"}, JSON_ERROR),
    ("mediaconvert", "list_jobs", {}, JSON_ERROR),
    ("mediaconvert", "cancel_job", {"Id": "1"}, JSON_ERROR),
    (
        "bedrock-runtime",
        "count_tokens",
        COUNTED,
        JSON_ERROR,
    ),
    ("lambda", "list_functions", {}, JSON_ERROR),
    ("s3", "list_buckets", {}, S3_ERROR),
    ("s3", "put_object", {"Bucket": "media", "Key": "a/b.jpg", "Body": b""}, S3_ERROR),
    ("s3", "copy_object", {"Bucket": "media", "Key": "a", "CopySource": "media/b"}, S3_ERROR),
    ("s3", "get_object_tagging", {"Bucket": "media", "Key": "a/b.jpg"}, S3_ERROR),
    ("route53", "list_hosted_zones", {}, JSON_ERROR),
    ("sns", "list_topics", {}, QUERY_ERROR),
    ("sts", "get_caller_identity", {}, QUERY_ERROR),
    ("sqs", "list_queues", {}, JSON_ERROR),
    ("dynamodb", "list_tables", {}, JSON_ERROR),
]


@pytest.mark.parametrize(("service", "method", "parameters", "code"), CALLS, ids=[call[1] for call in CALLS])
def test_error_has_the_shape_of_aws_and_names_the_operation(
    ai_url: str, service: str, method: str, parameters: dict[str, Any], code: str
) -> None:
    client = connect(service, ai_url)
    call: Callable[..., Any] = getattr(client, method)
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    assert error["Code"] == code
    assert client.meta.method_to_api_mapping[method] in error["Message"]
    assert 400 <= raised.value.response["ResponseMetadata"]["HTTPStatusCode"] <= 501


EMULATED = {
    "polly": {"StartSpeechSynthesisTask", "GetSpeechSynthesisTask", "ListSpeechSynthesisTasks"},
    "mediaconvert": {"CreateJob", "GetJob"},
    "bedrock-runtime": {"Converse", "InvokeModel"},
}


@pytest.mark.parametrize("service", EMULATED)
def test_every_rest_operation_that_is_not_emulated_is_named(ai_url: str, service: str) -> None:
    operations = Loader().load_service_model(service, "service-2")["operations"]
    for name, operation in operations.items():
        if name in EMULATED[service]:
            continue
        path = re.sub(r"\{\w+\+?\}", "x", operation["http"]["requestUri"])
        status, content_type, body = send(ai_url, operation["http"]["method"], path)
        assert (status, content_type) == (404, "application/json"), name
        assert json.loads(body)["__type"] == JSON_ERROR
        assert name in json.loads(body)["message"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("PUT", "/nothing/here"), ("DELETE", "/health/x")])
def test_unknown_request_is_named_by_its_path(ai_url: str, method: str, path: str) -> None:
    _, content_type, body = send(ai_url, method, path)
    assert content_type == "application/json"
    assert f"{method} {path}" in json.loads(body)["message"]


def test_rpc_v2_cbor_error_names_the_operation(ai_url: str) -> None:
    status, content_type, body = send(ai_url, "POST", "/service/Transcribe/operation/ListVocabularies")
    assert (status, content_type) == (400, "application/cbor")
    assert body.startswith(b"\xa2\x79\x00\x06__type")
    assert b"ListVocabularies" in body


def send(url: str, method: str, path: str) -> tuple[int, str, bytes]:
    """Return status, content type and body of an unsigned request."""
    request = urllib.request.Request(f"{url}{path}", data=b"{}" if method in ("POST", "PUT") else None, method=method)
    request.add_header("Content-Type", "application/json")
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)
    return raised.value.code, raised.value.headers["Content-Type"], raised.value.read()
