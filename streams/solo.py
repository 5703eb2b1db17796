"""One stage as a Faust app of its own, for `faust -A headrace.streams.worker.faust_cli:<stage> worker`."""

from __future__ import annotations

import asyncio

from headrace.schemas.settings import KafkaSettings, load
from headrace.streams import pipeline
from headrace.streams.engine import epochs
from headrace.streams.kafka.faust_app import StageApp
from headrace.streams.settings import StreamSettings
from headrace.streams.worker.runtime import Shared


def create(name: str) -> StageApp:
    """Build the app of one stage with all that it needs. Raises ValueError for a stage that there is not."""
    [stage] = pipeline.find([name])
    shared = Shared([stage], load(StreamSettings), load(KafkaSettings))
    shared.start()
    return shared.host(asyncio.run(epochs.now(shared.bucket, stage))).app
