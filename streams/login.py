"""What aiokafka, the client below Faust, needs to be let in."""

from __future__ import annotations

import asyncio
import ssl

from aiokafka.abc import AbstractTokenProvider

from schemas import msk
from schemas.settings import KafkaSettings


def tls(kafka: KafkaSettings) -> ssl.SSLContext | None:
    """Give what checks the brokers' certificates and names; None without TLS."""
    return ssl.create_default_context(cafile=kafka.kafka_ca_file or None) if kafka.kafka_tls else None


class MskTokens(AbstractTokenProvider):  # type: ignore[misc]
    """Gives Faust's clients a new token whenever they connect."""

    def __init__(self, region: str) -> None:
        self._region = region

    async def token(self) -> str:
        """Make one, in a thread: to find credentials may take a request."""
        made, _ends = await asyncio.to_thread(msk.token, self._region)
        return made
