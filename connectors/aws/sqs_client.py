"""SQS client: boto3, with a fast path for the frequent calls."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import get_cert_path
from botocore.parsers import ResponseParserError
from botocore.utils import get_environ_proxies

from headrace.connectors.aws.sigv4 import AwsCredentials, SigningScope, sign
from headrace.connectors.aws.sqs_fast_path import SqsEndpoint, SqsError, SqsFastPath, with_types

_INVALID_RESPONSE = (AttributeError, RecursionError, TypeError, ValueError)
"""What botocore and `with_types` raise for a response that is JSON of another shape, or not UTF-8."""


class QueueUnavailableError(Exception):
    """An SQS call failed. The text is the error that SQS returned, or why there was no response."""


class SqsClient:
    """SQS calls in one region. Thread-safe. Every call raises `QueueUnavailableError` and nothing else."""

    def __init__(self, region: str | None, read_seconds: float, connections: int, fast_path: bool = True) -> None:
        """Create the boto3 client, and the fast path beside it unless `fast_path` is false."""
        config = Config(
            connect_timeout=5,
            read_timeout=read_seconds,
            max_pool_connections=connections,
            parameter_validation=False,  # an eighth of a call, for parameters that only `connectors.bridge.queue` makes
            retries={"total_max_attempts": 2, "mode": "standard"},
        )
        try:
            core = botocore.session.get_session()
            session = boto3.session.Session(botocore_session=core)
            self._client: Any = session.client("sqs", region_name=region, config=config)
            self._fast_path = _fast_path(core, self._client) if fast_path else None
        except (BotoCoreError, ValueError, OSError) as error:  # boto3 has a ValueError for a malformed endpoint
            raise QueueUnavailableError(str(error)) from error

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation such as `ReceiveMessage` and return the response."""
        try:
            response = self._fast_path.call(operation, parameters) if self._fast_path else None
            if response is None:
                response = with_types(operation, getattr(self._client, xform_name(operation))(**parameters))
        except SqsError as error:
            raise QueueUnavailableError(str(error)) from error
        except TimeoutError as error:
            raise QueueUnavailableError(f'Read timeout on endpoint URL: "{self._client.meta.endpoint_url}"') from error
        except ClientError as error:
            details = error.response.get("Error", {})
            raise QueueUnavailableError(f"{details.get('Code', 'unknown')}: {details.get('Message', '')}") from error
        except (BotoCoreError, ResponseParserError) as error:
            raise QueueUnavailableError(str(error)) from error
        except _INVALID_RESPONSE as error:
            raise QueueUnavailableError(f"unexpected response from the SQS endpoint: {error!r:.200}") from error
        return response


def _fast_path(core: Any, client: Any) -> SqsFastPath | None:
    """Return a fast path to the client's endpoint; None with a proxy, a client certificate or another signature."""
    url, config = client.meta.endpoint_url, client.meta.config
    if config.proxies or get_environ_proxies(url) or config.client_cert or config.signature_version != "v4":
        return None
    ca_file = core.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or get_cert_path(True)
    endpoint = SqsEndpoint(url, ca_file, config.connect_timeout, config.read_timeout)
    return SqsFastPath(endpoint, partial(_sign, core.get_credentials(), SigningScope(client.meta.region_name, "sqs")))


def _sign(credentials: Any, scope: SigningScope, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    frozen = credentials.get_frozen_credentials()  # refreshed when the session has expired
    keys = AwsCredentials(frozen.access_key, frozen.secret_key, frozen.token or "")
    return sign(datetime.now(UTC), keys, scope, headers, body)
