"""What aiokafka, the client below Faust, needs to be let in."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from headrace.schemas.kafka import msk_iam
from headrace.schemas.kafka.settings import MSK_IAM, KafkaSettings


def _tls(kafka: KafkaSettings) -> ssl.SSLContext | None:
    """Give what checks the brokers' certificates and names; None without TLS."""
    return ssl.create_default_context(cafile=kafka.kafka_ca_file or None) if kafka.kafka_tls else None


def aiokafka_options(kafka: KafkaSettings) -> dict[str, Any]:
    """Give the options of one of aiokafka's own clients."""
    found: dict[str, Any] = {"security_protocol": kafka.security_protocol, "ssl_context": _tls(kafka)}
    if kafka.kafka_sasl == MSK_IAM:
        found |= {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": MskTokenProvider(kafka.msk_region)}
    elif kafka.kafka_sasl:
        password = kafka.kafka_password.get_secret_value()
        login = {"sasl_plain_username": kafka.kafka_user, "sasl_plain_password": password}
        found |= {"sasl_mechanism": kafka.kafka_sasl, **login}
    return found


class MskTokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """Gives Faust's clients a new token whenever they connect."""

    def __init__(self, region: str) -> None:
        self._region = region

    async def token(self) -> str:
        """Make one, in a thread: to find credentials may take a request."""
        made, _ends = await asyncio.to_thread(msk_iam.token, self._region)
        return made
