"""The Kafka topics."""

from __future__ import annotations

from schemas.topics_cli import topics_app
from streams import pipeline


def _stages() -> tuple[str, ...]:
    return tuple(stage.name for stage in pipeline.stages())


app = topics_app(_stages)
