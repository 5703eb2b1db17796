"""All tables of the views. Import them from here, so that `METADATA` is complete."""

from __future__ import annotations

from headrace.console.views.asset_tables import (
    assets,
    completions,
    costs,
    jobs,
    removals,
    stage_states,
    text_sources,
    timeline,
    versions,
)
from headrace.console.views.execution_tables import (
    execution_attempts,
    execution_events,
    execution_states,
    executions,
)
from headrace.console.views.metadata import METADATA, SCHEMA_NUMBER
from headrace.console.views.operation_tables import (
    audit,
    dead_letters,
    deliveries,
    dispositions,
    gaps,
    losses,
    offsets,
    people,
    progress,
    properties,
    replays,
    rules,
    undecodable,
    workers,
)
from headrace.console.views.text_tables import passage_bits, passage_vectors, passages

__all__ = [
    "METADATA",
    "SCHEMA_NUMBER",
    "assets",
    "audit",
    "completions",
    "costs",
    "dead_letters",
    "deliveries",
    "dispositions",
    "execution_attempts",
    "execution_events",
    "execution_states",
    "executions",
    "gaps",
    "jobs",
    "losses",
    "offsets",
    "passage_bits",
    "passage_vectors",
    "passages",
    "people",
    "progress",
    "properties",
    "removals",
    "replays",
    "rules",
    "stage_states",
    "text_sources",
    "timeline",
    "undecodable",
    "versions",
    "workers",
]
