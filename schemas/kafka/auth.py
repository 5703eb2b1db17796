"""How librdkafka clients authenticate."""

from __future__ import annotations

from typing import Any

from headrace.schemas.kafka import msk_iam
from headrace.schemas.kafka.settings import MSK_IAM, KafkaSettings


def librdkafka_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return librdkafka's TLS and SASL options; empty for a plaintext connection."""
    options: dict[str, Any] = {}
    if settings.security_protocol != "PLAINTEXT":
        options["security.protocol"] = settings.security_protocol
    if settings.kafka_ca_file:
        options["ssl.ca.location"] = settings.kafka_ca_file
    if settings.kafka_sasl == MSK_IAM:
        options["sasl.mechanism"] = "OAUTHBEARER"
        options["oauth_cb"] = lambda _: msk_iam.token(settings.msk_region)
    elif settings.kafka_sasl:
        options["sasl.mechanism"] = settings.kafka_sasl
        options["sasl.username"] = settings.kafka_user
        options["sasl.password"] = settings.kafka_password.get_secret_value()
    return options
