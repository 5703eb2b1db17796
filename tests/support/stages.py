"""Stages of the default pipeline, for tests that need one by its name."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.streams import pipeline
from headrace.streams.stage import Stage


def get_stages(names: Sequence[str]) -> tuple[Stage, ...]:
    """Return the named stages. Raises ValueError as `streams.pipeline.get_stages` does."""
    return pipeline.get_stages(names, pipeline.stages())
