"""How librdkafka clients authenticate."""

from __future__ import annotations

from typing import Any

from headrace.schemas.kafka import msk_iam
from headrace.schemas.kafka.settings import MSK_IAM, KafkaSettings


def librdkafka_options(settings: KafkaSettings) -> dict[str, Any]:
    """Say how connections are secured; nothing where they are not."""
    found: dict[str, Any] = {}
    if settings.security_protocol != "PLAINTEXT":
        found["security.protocol"] = settings.security_protocol
    if settings.kafka_ca_file:
        found["ssl.ca.location"] = settings.kafka_ca_file
    if settings.kafka_sasl == MSK_IAM:
        found["sasl.mechanism"] = "OAUTHBEARER"
        found["oauth_cb"] = lambda _: msk_iam.token(settings.msk_region)
    elif settings.kafka_sasl:
        found["sasl.mechanism"] = settings.kafka_sasl
        found["sasl.username"] = settings.kafka_user
        found["sasl.password"] = settings.kafka_password.get_secret_value()
    return found
