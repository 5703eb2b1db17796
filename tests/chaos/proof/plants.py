"""Planted bugs: each changes what a proof finds, as a bug of the product would, and makes the proof fail."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from headrace.schemas import topics
from tests.chaos.proof.facts import Facts

LOSE_RECORD, DUPLICATE_JOB, REORDER_KEY, SKIP_IN_VIEWS = "lose-record", "duplicate-job", "reorder-key", "skip-in-views"
PLANTS = (LOSE_RECORD, DUPLICATE_JOB, REORDER_KEY, SKIP_IN_VIEWS)

EVIDENCE = {
    LOSE_RECORD: "lost upload",
    DUPLICATE_JOB: "duplicate job",
    REORDER_KEY: "key order broken",
    SKIP_IN_VIEWS: "the views differ",
}
"""What the proof reports for each planted bug."""


def plant_in_facts(name: str, facts: Facts) -> None:
    """Plant a bug in the facts. One of the views is planted by `skip_in_views`."""
    changes: dict[str, Callable[[Facts], None]] = {
        LOSE_RECORD: lose_record,
        DUPLICATE_JOB: duplicate_job,
        REORDER_KEY: reorder_key,
    }
    if name in changes:
        changes[name](facts)


def lose_record(facts: Facts) -> None:
    """Lose an upload between SQS and Kafka."""
    lost = "SELECT id FROM records WHERE topic = :topic LIMIT 1"
    facts.execute(f"DELETE FROM records WHERE topic = :topic AND id = ({lost})", {"topic": topics.UPLOADED.name})


def duplicate_job(facts: Facts) -> None:
    """Start one job a second time, as a service that does not know its token."""
    columns = "job_id, service, operation, asset, token, request, started_at, due_at, status"
    changed = columns.replace("job_id", "job_id || 'x'")
    facts.execute(f"INSERT INTO ledger.jobs ({columns}) SELECT {changed} FROM ledger.jobs LIMIT 1")


def reorder_key(facts: Facts) -> None:
    """Exchange the first results of two versions of an asset."""
    found = facts.rows(
        "SELECT a.partition, a.root, b.root FROM records a JOIN records b ON a.topic = b.topic AND a.key = b.key "
        "AND a.root <> b.root AND a.offset < b.offset WHERE a.topic = :topic LIMIT 1",
        {"topic": topics.SCANNED.name},
    )
    (_, one, other) = found[0]
    for old, new in ((one, "swapped"), (other, one), ("swapped", other)):
        sql = "UPDATE records SET root = :new WHERE topic = :topic AND root = :old"
        facts.execute(sql, {"old": old, "new": new, "topic": topics.SCANNED.name})


def skip_in_views(views: Path) -> None:
    """Delete the events of one version from the views."""
    with closing(sqlite3.connect(views, timeout=60)) as database, database:
        database.execute("DELETE FROM timeline WHERE version_id = (SELECT min(version_id) FROM timeline)")
