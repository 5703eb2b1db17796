"""TLS and SASL options of aiokafka."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from headrace.schemas.kafka import msk_iam
from headrace.schemas.kafka.settings import MSK_IAM, KafkaSettings


def _tls(kafka: KafkaSettings) -> ssl.SSLContext | None:
    """Return the TLS context that verifies broker certificates; None without TLS."""
    return ssl.create_default_context(cafile=kafka.kafka_ca_file or None) if kafka.kafka_tls else None


def aiokafka_options(kafka: KafkaSettings) -> dict[str, Any]:
    """Return the security options of an aiokafka client."""
    options: dict[str, Any] = {"security_protocol": kafka.security_protocol, "ssl_context": _tls(kafka)}
    if kafka.kafka_sasl == MSK_IAM:
        options |= {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": MskTokenProvider(kafka.msk_region)}
    elif kafka.kafka_sasl:
        password = kafka.kafka_password.get_secret_value()
        login = {"sasl_plain_username": kafka.kafka_user, "sasl_plain_password": password}
        options |= {"sasl_mechanism": kafka.kafka_sasl, **login}
    return options


class MskTokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """Creates an MSK IAM token for each connection."""

    def __init__(self, region: str) -> None:
        self._region = region

    async def token(self) -> str:
        """Return a new token. Runs in a thread, as loading credentials may send a request."""
        token, _expires = await asyncio.to_thread(msk_iam.token, self._region)
        return token
