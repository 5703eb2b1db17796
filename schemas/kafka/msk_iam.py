"""Tokens by which Amazon MSK's IAM login knows who connects: a signed URL that nobody ever fetches.

Source: the wire form of aws-msk-iam-sasl-signer, the libraries of AWS. Credentials are those of the SDK's usual chain.
"""

from __future__ import annotations

import base64
import re
import time

SECONDS = 900
"""How long a token lets somebody in."""

_BROKER = re.compile(r"\.kafka(?:-serverless)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?:\d+$")


class MskCredentialsError(RuntimeError):
    """The SDK knows nobody to connect as."""


def region_of(bootstrap_servers: str) -> str:
    """Read the region out of the first broker's name; empty where it is none of MSK's."""
    found = _BROKER.search(bootstrap_servers.partition(",")[0].strip())
    return found[1] if found else ""


def token(region: str) -> tuple[str, float]:
    """Make a token, and say when it ends in seconds since 1970. Raises `NoCredentials`."""
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.session import Session

    credentials = Session().get_credentials()
    if credentials is None:
        raise MskCredentialsError("the AWS SDK finds no credentials to connect to MSK with")
    url = f"https://kafka.{region}.amazonaws.com/"
    request = AWSRequest(method="GET", url=url, params={"Action": "kafka-cluster:Connect"})
    ends = time.time() + SECONDS
    SigV4QueryAuth(credentials.get_frozen_credentials(), "kafka-cluster", region, expires=SECONDS).add_auth(request)
    request.params = {"User-Agent": "headrace"}
    return base64.urlsafe_b64encode(str(request.prepare().url).encode()).decode().rstrip("="), ends
