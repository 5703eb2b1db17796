"""Stages for Faust's own command line: `faust -A headrace.streams.worker.faust_cli:labels worker`. Built on demand."""

from __future__ import annotations

import asyncio
from typing import Any

from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load
from headrace.streams import pipeline
from headrace.streams.engine import epochs
from headrace.streams.kafka.faust_app import StageApp
from headrace.streams.settings import StreamSettings
from headrace.streams.worker.runtime import WorkerRuntime


def __getattr__(name: str) -> Any:
    """Build the Faust app of the stage of that name; underscores stand for hyphens."""

    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return create_app(name.replace("_", "-"))
    except ValueError as error:
        raise AttributeError(str(error)) from error


def create_app(name: str) -> StageApp:
    """Build the app of one stage with all that it needs. Raises ValueError for a stage that there is not."""
    [stage] = pipeline.get_stages([name])
    shared = WorkerRuntime([stage], load(StreamSettings), load(KafkaSettings))
    shared.start()
    return shared.host(asyncio.run(epochs.with_current_epoch(shared.bucket, stage))).app
