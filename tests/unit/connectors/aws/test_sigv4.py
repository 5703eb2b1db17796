"""The signature equals that of botocore."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore import auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.aws.sigv4 import AwsCredentials, SigningScope, sign

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
HEADERS = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.ReceiveMessage"}

words = st.text("abcXYZ019/+=-", min_size=1, max_size=40)


@given(
    st.builds(AwsCredentials, words, words, st.one_of(st.just(""), words)),
    st.builds(SigningScope, st.sampled_from(["eu-west-1", "us-gov-east-1"]), st.sampled_from(["sqs", "sns"])),
    st.sampled_from(["sqs.eu-west-1.amazonaws.com", "localhost:4566", "127.0.0.1:80"]),
    st.binary(max_size=200),
)
def test_signature_equals_botocore(keys: AwsCredentials, scope: SigningScope, host: str, body: bytes) -> None:
    url = f"https://{host}/" if ":" not in host else f"http://{host}/"
    host = host.removesuffix(":80")
    theirs = AWSRequest("POST", url, dict(HEADERS), body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda **_: NOW)
        SigV4Auth(Credentials(keys.access, keys.secret, keys.token or None), scope.service, scope.region).add_auth(
            theirs
        )

    ours = sign(NOW, keys, scope, {**HEADERS, "host": host}, body)

    assert ours["authorization"] == theirs.headers["Authorization"]
    assert ours.get("x-amz-security-token") == theirs.headers.get("X-Amz-Security-Token")
    assert ours["x-amz-date"] == theirs.headers["X-Amz-Date"]
