"""Create tokens for MSK IAM authentication: a presigned URL that MSK verifies and no client fetches.

Source: the wire format of aws-msk-iam-sasl-signer, AWS's library. Credentials come from the SDK's default chain.
"""

from __future__ import annotations

import base64
import re
import time

SECONDS = 900
"""How long a token is valid."""

_BROKER = re.compile(r"\.kafka(?:-serverless)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?:\d+$")


class MskCredentialsError(RuntimeError):
    """The AWS SDK found no credentials."""


def region_of(bootstrap_servers: str) -> str:
    """Return the region in the first broker's name; empty if it is not an MSK broker."""
    match = _BROKER.search(bootstrap_servers.partition(",")[0].strip())
    return match[1] if match else ""


def token(region: str) -> tuple[str, float]:
    """Return a token and its expiry in seconds since 1970. Raises `MskCredentialsError`."""
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.session import Session

    credentials = Session().get_credentials()
    if credentials is None:
        raise MskCredentialsError("the AWS SDK found no credentials for MSK")
    url = f"https://kafka.{region}.amazonaws.com/"
    request = AWSRequest(method="GET", url=url, params={"Action": "kafka-cluster:Connect"})
    expires_at = time.time() + SECONDS
    SigV4QueryAuth(credentials.get_frozen_credentials(), "kafka-cluster", region, expires=SECONDS).add_auth(request)
    request.params = {"User-Agent": "headrace"}
    return base64.urlsafe_b64encode(str(request.prepare().url).encode()).decode().rstrip("="), expires_at
