"""Tests that MSK IAM tokens equal those of the AWS libraries."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from headrace.schemas.kafka import msk_iam


@pytest.mark.parametrize(
    ("servers", "region"),
    [
        ("b-1.media.abc123.c2.kafka.eu-central-1.amazonaws.com:9098,other:9098", "eu-central-1"),
        ("boot-abc.c1.kafka-serverless.us-gov-west-1.amazonaws.com:9098", "us-gov-west-1"),
        ("b-1.media.abc123.c2.kafka.cn-north-1.amazonaws.com.cn:9098", "cn-north-1"),
        ("kafka:9092", ""),
        ("kafka.eu-central-1.amazonaws.com.example.com:9098", ""),
    ],
)
def test_region_comes_from_the_broker_name(servers: str, region: str) -> None:
    assert msk_iam.region_of(servers) == region


def test_token_is_a_presigned_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-a-role")

    made, ends = msk_iam.token("eu-central-1")

    url = urlsplit(base64.urlsafe_b64decode(made + "=" * (-len(made) % 4)).decode())
    asked = parse_qs(url.query)
    assert (url.scheme, url.netloc, url.path) == ("https", "kafka.eu-central-1.amazonaws.com", "/")
    assert asked["Action"] == ["kafka-cluster:Connect"]
    assert asked["X-Amz-Credential"][0].startswith("AKIDEXAMPLE/")
    assert asked["X-Amz-Credential"][0].endswith("/eu-central-1/kafka-cluster/aws4_request")
    assert asked["X-Amz-Security-Token"] == ["of-a-role"]
    assert asked["X-Amz-Expires"] == ["900"]
    assert len(asked["X-Amz-Signature"][0]) == 64
    assert 890 < ends - time.time() <= 900
    assert "hunter2" not in url.query


def test_token_without_credentials_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(msk_iam.MskCredentialsError):
        msk_iam.token("eu-central-1")
