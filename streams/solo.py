"""One stage as a Faust app of its own, for `faust -A streams.apps:<stage> worker`."""

from __future__ import annotations

import asyncio

from schemas.settings import KafkaSettings, load
from streams import epochs, pipeline
from streams.app import StageApp
from streams.settings import StreamSettings
from streams.shared import Shared


def create(name: str) -> StageApp:
    """Build the app of one stage with all that it needs. Raises ValueError for a stage that there is not."""
    [stage] = pipeline.find([name])
    shared = Shared([stage], load(StreamSettings), load(KafkaSettings))
    shared.start()
    return shared.host(asyncio.run(epochs.now(shared.bucket, stage))).app
