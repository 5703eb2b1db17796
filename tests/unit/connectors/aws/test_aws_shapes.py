"""Decoding, validation and encoding by AWS shapes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import Shape

from headrace.connectors.aws import aws_shapes
from headrace.sandbox.ai.app import SERVICES


def shape(service: str, name: str) -> Shape:
    return aws_shapes.service_model(service).shape_for(name)


def broken(value: Any, name: str) -> list[str]:
    return [text.partition("constraint: ")[2] for text in aws_shapes.violations(value, shape("rekognition", name))]


def test_valid_value_has_no_violations() -> None:
    value = {"Video": {"S3Object": {"Bucket": "media", "Name": "a b+c.mp4"}}, "MinConfidence": 55.5, "JobTag": "a:b+c="}
    assert broken(value, "StartLabelDetectionRequest") == []


@pytest.mark.parametrize(
    ("value", "name", "constraint"),
    [
        ({}, "StartLabelDetectionRequest", "Member must not be null"),
        ({"Video": {}, "Colour": "red"}, "StartLabelDetectionRequest", "Member is not known to the service"),
        ("x" * 65, "ClientRequestToken", "Member must have length less than or equal to 64"),
        ("", "JobTag", "Member must have length greater than or equal to 1"),
        ("a b", "ClientRequestToken", "Member must satisfy regular expression pattern: ^[a-zA-Z0-9-_]+$"),
        ("a\n", "ClientRequestToken", "Member must satisfy regular expression pattern: ^[a-zA-Z0-9-_]+$"),
        ("SIZE", "LabelDetectionSortBy", "Member must satisfy enum value set: [NAME, TIMESTAMP]"),
        (100.5, "Percent", "Member must have value less than or equal to 100"),
        (-1, "ULong", "Member must have value greater than or equal to 0"),
        ("7", "ULong", "Member must be of type long"),
        (True, "ULong", "Member must be of type long"),
    ],
)
def test_each_kind_of_constraint_is_checked(value: Any, name: str, constraint: str) -> None:
    assert constraint in broken(value, name)


def test_violation_has_the_path_format_of_aws() -> None:
    value = {"Labels": [{"Name": "Blue"}, {"Name": 7}]}
    (text,) = aws_shapes.violations(value, shape("rekognition", "DetectLabelsResponse"))
    assert text.startswith("Value '7' at 'labels.2.member.name' failed to satisfy constraint")


def test_decode_drops_nulls_and_unknown_members() -> None:
    given = {"Image": {"Bytes": "AAE=", "S3Object": None}, "Colour": "red"}
    assert aws_shapes.decode(given, shape("rekognition", "DetectLabelsRequest")) == {"Image": {"Bytes": b"\x00\x01"}}


@pytest.mark.parametrize("given", [[], {"Image": "x"}, {"Image": {"Bytes": "?"}}, {"Image": {}, "MaxLabels": "ten"}])
def test_rejects_malformed_values(given: Any) -> None:
    with pytest.raises(aws_shapes.MalformedRequestError):
        aws_shapes.decode(given, shape("rekognition", "DetectLabelsRequest"))


def test_times_are_seconds_since_1970() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 500_000, UTC)
    written = json.loads(aws_shapes.encode({"StartTime": moment}))
    assert aws_shapes.decode(written, shape("transcribe", "TranscriptionJob")) == {"StartTime": moment}


def test_python_compiles_every_pattern_of_supported_operations() -> None:
    patterns = {
        found.metadata["pattern"]
        for service in SERVICES
        for name in service.operations
        for found in reachable(aws_shapes.service_model(service.name).operation_model(name).input_shape, set())
        if "pattern" in found.metadata
    }
    assert len(patterns) > 10
    assert all(aws_shapes._pattern(pattern) for pattern in patterns)


def reachable(found: Any, seen: set[str]) -> list[Shape]:
    if found is None or found.name in seen:
        return []
    seen.add(found.name)
    below = [*getattr(found, "members", {}).values(), getattr(found, "member", None), getattr(found, "value", None)]
    return [found, *(deeper for one in below for deeper in reachable(one, seen))]


def test_model_distinguishes_client_and_server_errors() -> None:
    assert aws_shapes.is_fault("rekognition", "InternalServerError")
    assert not aws_shapes.is_fault("rekognition", "InvalidS3ObjectException")
    assert not aws_shapes.is_fault("rekognition", "UnheardOfException")


def test_documents_are_any_json() -> None:
    model = aws_shapes.service_model("bedrock-runtime")
    shape = model.shape_for("ToolUseBlock")
    use = {"toolUseId": "t", "name": "answer", "input": {"tags": ["a", None, {"b": 1.5}]}}
    assert aws_shapes.decode(use, shape) == use
    assert list(aws_shapes.violations(use, shape)) == []
    assert json.loads(aws_shapes.encode(use, shape)) == use
