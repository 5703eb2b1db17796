"""`headrace webhook`: receive SNS messages over HTTPS."""

from __future__ import annotations

from typing import Annotated

import typer


def webhook(
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write the log as JSON lines.")] = False,
) -> None:
    """Move SNS messages from HTTPS to Kafka until SIGTERM or Ctrl-C."""
    from headrace.connectors.webhook.server import serve
    from headrace.connectors.webhook.settings import WebhookSettings
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.runtime import logging
    from headrace.schemas.settings import load

    settings, cluster = load(WebhookSettings), load(KafkaSettings)
    logging.configure(json_logs)
    if not serve(settings, cluster):
        raise typer.Exit(1)
