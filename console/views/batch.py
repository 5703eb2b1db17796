"""The changes of some records, merged by key. Pure: it knows no database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from headrace.console.views.merges import (
    merge_facts,
    merge_jobs,
    merge_letters,
    merge_removals,
    merge_stages,
    merge_versions,
)
from headrace.console.views.rows import FactRow, JobRow, LetterRow, StageRow, VersionRow
from headrace.schemas.records import ExecutionAdvanced

Row = TypeVar("Row", bound=tuple[Any, ...])


class AssetKey(NamedTuple):
    """The key of a row of `assets`."""

    bucket: str
    key: str


class VersionKey(NamedTuple):
    """The key of a version: its asset, the padded sequencer and the version."""

    asset: AssetKey
    order: str
    version: str


class OffsetRow(NamedTuple):
    """A row of `offsets`."""

    next: int
    end: int
    timestamp: float | None
    records: int
    undecodable: int


@dataclass(slots=True)
class Batch:
    """The changes of some records. A row of a key is merged with an earlier one."""

    versions: dict[VersionKey, VersionRow] = field(default_factory=dict)
    facts: dict[tuple[VersionKey, int], FactRow] = field(default_factory=dict)
    stages: dict[tuple[VersionKey, str], StageRow] = field(default_factory=dict)
    jobs: dict[str, JobRow] = field(default_factory=dict)
    completions: dict[tuple[str, int], FactRow] = field(default_factory=dict)
    removals: dict[tuple[AssetKey, str], tuple[Any, ...]] = field(default_factory=dict)
    letters: dict[str, LetterRow] = field(default_factory=dict)
    dispositions: dict[str, tuple[Any, ...] | None] = field(default_factory=dict)
    replays: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    audit: dict[tuple[int, int], tuple[Any, ...]] = field(default_factory=dict)
    workers: dict[str, tuple[Any, ...] | None] = field(default_factory=dict)
    losses: dict[str, tuple[Any, ...] | None] = field(default_factory=dict)
    rules: dict[str, tuple[Any, ...] | None] = field(default_factory=dict)
    people: dict[str, tuple[Any, ...] | None] = field(default_factory=dict)
    deliveries: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict)
    texts: dict[tuple[VersionKey, str, str], tuple[Any, ...]] = field(default_factory=dict)
    gaps: dict[tuple[str, int, int], tuple[Any, ...]] = field(default_factory=dict)
    undecodable: dict[tuple[str, int, int], tuple[Any, ...]] = field(default_factory=dict)
    executions: dict[int, list[ExecutionAdvanced]] = field(default_factory=dict)
    offsets: dict[tuple[str, int], OffsetRow] = field(default_factory=dict)

    def add_version(self, key: VersionKey, row: VersionRow) -> None:
        """Add what an event says about a version."""
        known = self.versions.get(key)
        if known is None:
            self.versions[key] = row
        elif row[:4] != known[:4] or any(row[4:]):  # most events say nothing new
            self.versions[key] = merge_versions(known, row)

    def add_fact(self, key: VersionKey, identity: int, row: FactRow) -> None:
        """Add an event of a version."""
        _add(self.facts, (key, identity), row, merge_facts)

    def add_stage(self, key: VersionKey, stage: str, row: StageRow) -> None:
        """Add a state of a stage."""
        _add(self.stages, (key, stage), row, merge_stages)

    def add_job(self, token: str, row: JobRow) -> None:
        """Add the start or the completion of a job."""
        _add(self.jobs, token, row, merge_jobs)

    def add_completion(self, token: str, identity: int, row: FactRow) -> None:
        """Add the completion of a job as an event."""
        _add(self.completions, (token, identity), row, merge_facts)

    def add_removal(self, asset: AssetKey, version: str, identity: int, row: FactRow) -> None:
        """Add the removal of one version."""
        _add(self.removals, (asset, version), (identity, *row), merge_removals)

    def add_letter(self, id_: str, row: LetterRow) -> None:
        """Add a record of a dead letter."""
        _add(self.letters, id_, row, merge_letters)


def _add(rows: dict[Any, Row], key: Any, row: Row, merge: Callable[[Row, Row], Row]) -> None:
    known = rows.get(key)
    rows[key] = row if known is None else merge(known, row)
