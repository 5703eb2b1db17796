"""The cluster for pages that read Kafka in the request: they fail at once while Kafka does not answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from headrace.console.errors import UnavailableError
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.renewed_client import RenewedClient
from headrace.console.terminal.formatting import format_time
from headrace.console.web.background_value import Latest
from headrace.schemas.kafka.settings import KafkaSettings

ANSWER_SECONDS = 0.8
"""Seconds in which Kafka has to answer before a page reads it."""


class PromptCluster:
    """Opens the cluster if it answers. `pipeline` knows since when Kafka does not answer."""

    def __init__(self, settings: KafkaSettings, pipeline: Callable[[], Latest[Any]]) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._cluster = RenewedClient(partial(KafkaAdmin, settings, keeps_connections=True))

    def connect(self) -> KafkaAdmin:
        """Return the cluster.

        Raises:
            UnavailableError: Kafka does not answer.
        """
        with self._cluster.use() as cluster:
            if not cluster.answers(ANSWER_SECONDS):
                raise UnavailableError(self._problem())
        return cluster

    def _problem(self) -> str:
        """Say since when Kafka does not answer, if that is known."""
        since = self._pipeline().since
        silent = "does not answer" if since is None else f"has not answered since {format_time(since)}"
        return f"Kafka at {self._settings.bootstrap_servers} {silent}: this page needs it"
