"""The searchable texts of events whose stages declare them, whether or not the stages are on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from headrace.schemas.records import Event
from headrace.streams import pipeline
from headrace.streams.search_text import SearchText


@cache
def stage_texts() -> Mapping[type[Event], Callable[[Any], Iterable[SearchText]]]:
    """Return the function of each kind of event that returns its texts."""
    declared = [stage for stage in pipeline.all_stages() if stage.search is not None and stage.writes is not None]
    return {kind: stage.search for stage in declared if stage.search and stage.writes for kind in stage.writes.events}
