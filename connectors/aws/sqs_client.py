"""Calls to SQS."""

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
from headrace.connectors.aws.sqs_fast_path import SqsEndpoint, SqsError, SqsFastPath

_NO_ANSWER = (AttributeError, RecursionError, TypeError, ValueError)
"""What botocore raises on an answer that is JSON of another shape, or no text."""


class QueueUnavailableError(Exception):
    """SQS did not do what it was asked to; the text says what it said, or why nobody answered."""


class SqsClient:
    """Calls to SQS in one region. Safe to use from many threads. All that it raises is `QueueUnavailable`."""

    def __init__(self, region: str | None, read_seconds: float, connections: int) -> None:
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
            self._wire = _fast_path(core, self._client)
        except (BotoCoreError, ValueError, OSError) as error:  # boto3 has a ValueError for a malformed endpoint
            raise QueueUnavailableError(str(error)) from error

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation, such as `ReceiveMessage`, and give its answer."""
        try:
            answer = self._wire.call(operation, parameters) if self._wire else None
            if answer is None:
                answer = getattr(self._client, xform_name(operation))(**parameters)
        except SqsError as error:
            raise QueueUnavailableError(str(error)) from error
        except TimeoutError as error:
            raise QueueUnavailableError(f'Read timeout on endpoint URL: "{self._client.meta.endpoint_url}"') from error
        except ClientError as error:
            said = error.response.get("Error", {})
            raise QueueUnavailableError(f"{said.get('Code', 'unknown')}: {said.get('Message', '')}") from error
        except (BotoCoreError, ResponseParserError) as error:
            raise QueueUnavailableError(str(error)) from error
        except _NO_ANSWER as error:
            raise QueueUnavailableError(
                f"what answers in the place of SQS is something else: {error!r:.200}"
            ) from error
        return answer


def _fast_path(core: Any, client: Any) -> SqsFastPath | None:
    """Give a quicker way to the client's endpoint, if nothing out of the ordinary is to be minded on it."""
    url, config = client.meta.endpoint_url, client.meta.config
    if config.proxies or get_environ_proxies(url) or config.client_cert or config.signature_version != "v4":
        return None
    named = core.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    authorities = named or get_cert_path(True)
    endpoint = SqsEndpoint(url, authorities, config.connect_timeout, config.read_timeout)
    return SqsFastPath(endpoint, partial(_sign, core.get_credentials(), SigningScope(client.meta.region_name, "sqs")))


def _sign(credentials: Any, scope: SigningScope, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    found = credentials.get_frozen_credentials()  # a new session's, where the last one has ended
    keys = AwsCredentials(found.access_key, found.secret_key, found.token or "")
    return sign(datetime.now(UTC), keys, scope, headers, body)
