"""Stages for Faust's command line: `faust -A headrace.streams.worker.faust_cli:labels worker`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load
from headrace.schemas.tracing.start import start_tracer
from headrace.streams import pipeline
from headrace.streams.costs.prices import load_price_list
from headrace.streams.engine import epochs
from headrace.streams.kafka.faust_app import FaustHost, StageApp
from headrace.streams.settings import StreamSettings
from headrace.streams.worker.runtime import WorkerRuntime

POLL_SECONDS = 0.2


def __getattr__(name: str) -> Any:
    """Build the Faust app of the stage of that name; underscores replace hyphens."""
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return create_app(name.replace("_", "-"))
    except ValueError as error:
        raise AttributeError(str(error)) from error


def create_app(name: str) -> StageApp:
    """Build the app of one stage.

    Raises:
        ValueError: no stage has this name.
    """
    config = pipeline.load_config()
    deployment = pipeline.Deployment(pipeline.stages(config), load_price_list(), config.budget)
    [stage] = pipeline.get_stages([name], deployment.stages)
    runtime = WorkerRuntime(
        [stage], deployment, load(StreamSettings), load(KafkaSettings), tracer=start_tracer("headrace-worker")
    )
    runtime.start()
    while runtime.catching_up():
        time.sleep(POLL_SECONDS)
    host = runtime.host(asyncio.run(epochs.with_current_epoch(runtime.bucket, stage))).host
    assert isinstance(host, FaustHost)
    return host.app
