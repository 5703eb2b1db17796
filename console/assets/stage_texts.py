"""What stages declare about their results for a search, whether or not they are on: texts, and vectors."""

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


@cache
def stored_texts() -> Mapping[type[Event], Callable[[bytes], Iterable[SearchText]]]:
    """Return the function of each kind of event that returns the texts of the stored result."""
    declared = [(stage.search_stored, stage.writes) for stage in pipeline.all_stages()]
    return {
        kind: texts for texts, topic in declared if texts is not None and topic is not None for kind in topic.events
    }


@cache
def embedding_events() -> frozenset[type[Event]]:
    """Return the kinds of events whose stored results are passages with vectors."""
    embedding = [
        stage.writes for stage in pipeline.all_stages() if stage.embeds is not None and stage.writes is not None
    ]
    return frozenset(kind for topic in embedding for kind in topic.events)
