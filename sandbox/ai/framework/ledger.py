"""A ledger of all calls and jobs in SQLite."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

RUNNING, SUCCEEDED, FAILED = "IN_PROGRESS", "SUCCEEDED", "FAILED"
FILTERS = ("service", "operation", "asset", "token", "job_id")

_TABLES = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, service TEXT NOT NULL, operation TEXT NOT NULL,
    asset TEXT, token TEXT, job_id TEXT, outcome TEXT NOT NULL, took_effect INTEGER NOT NULL, seconds REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY, job_id TEXT NOT NULL, service TEXT NOT NULL, operation TEXT NOT NULL, asset TEXT NOT NULL,
    token TEXT, request TEXT NOT NULL, started_at REAL NOT NULL, due_at REAL NOT NULL, status TEXT NOT NULL,
    reason TEXT, result TEXT, finished_at REAL, announced_at REAL, deleted_at REAL
);
CREATE UNIQUE INDEX IF NOT EXISTS jobs_by_id ON jobs (service, job_id) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS jobs_by_token ON jobs (service, operation, token);
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (service, status);
"""


class TooManyJobsError(Exception):
    """The service already runs its maximum number of jobs."""


@dataclass(frozen=True, slots=True)
class JobSubject:
    """The subject of a call, if it is known."""

    asset: str | None = None
    token: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerCall:
    """One call. `took_effect` is also true for an error returned after the effect."""

    at: float
    service: str
    operation: str
    subject: JobSubject
    outcome: str
    took_effect: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class LedgerJob:
    """One asynchronous job; times are seconds since 1970."""

    job_id: str
    service: str
    operation: str
    asset: str
    token: str | None
    request: dict[str, Any]
    started_at: float = 0.0
    due_at: float = 0.0
    status: str = RUNNING
    reason: str | None = None
    result: dict[str, Any] | None = None
    finished_at: float | None = None
    announced_at: float | None = None


_JOB_COLUMNS = tuple(field.name for field in fields(LedgerJob))


class Ledger:
    """The ledger of calls and jobs; `path` None keeps it in memory. Thread-safe."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _TABLES)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def record(self, call: LedgerCall) -> None:
        """Store a call."""
        row = asdict(call)
        row |= row.pop("subject")
        with self._lock:
            self._insert("calls", row)

    def begin(self, job: LedgerJob, since: float, limit: int) -> tuple[LedgerJob, bool]:
        """Store `job` and return it with True; return a job of the same token after `since` with False.

        Raises `TooManyJobsError` if the service already runs `limit` jobs.
        """
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if job.token is not None:
                where = "service = ? AND operation = ? AND token = ? AND started_at > ? AND deleted_at IS NULL"
                found = self._jobs(where, (job.service, job.operation, job.token, since))
                if found:
                    return found[0], False
            running = "SELECT count(*) FROM jobs WHERE service = ? AND status = ? AND deleted_at IS NULL"
            if self._db.execute(running, (job.service, RUNNING)).fetchone()[0] >= limit:
                raise TooManyJobsError
            row = asdict(job) | {"request": json.dumps(job.request), "result": None}
            self._insert("jobs", row)
        return job, True

    def finish(self, job: LedgerJob) -> None:
        """Store the completion of a job: status, reason, result, time."""
        result = None if job.result is None else json.dumps(job.result)
        columns = "status = ?, reason = ?, result = ?, finished_at = ?"
        self._update(job, columns, (job.status, job.reason, result, job.finished_at))

    def announced(self, job: LedgerJob, at: float) -> None:
        """Mark the completion of a job as announced, so that a restart does not announce it again."""
        self._update(job, "announced_at = ?", (at,))

    def delete(self, job: LedgerJob, at: float) -> None:
        """Hide a job from its service; the ledger keeps it."""
        self._update(job, "deleted_at = ?", (at,))

    def job(self, service: str, job_id: str) -> LedgerJob | None:
        """Return the job with this id."""
        with self._lock:
            found = self._jobs("service = ? AND job_id = ? AND deleted_at IS NULL", (service, job_id))
        return found[0] if found else None

    def jobs(self, service: str) -> list[LedgerJob]:
        """Return all jobs of a service, newest first."""
        with self._lock:
            return self._jobs("service = ? AND deleted_at IS NULL ORDER BY id DESC", (service,))

    def unfinished(self) -> list[LedgerJob]:
        """Return the jobs that run or whose completion was not announced, oldest first."""
        with self._lock:
            return self._jobs("announced_at IS NULL AND deleted_at IS NULL ORDER BY id", ())

    def report(self, filters: Mapping[str, str], limit: int) -> dict[str, Any]:
        """Return counts of all calls and jobs that match `filters`, and the newest `limit` of them.

        `jobs_started` counts accepted Start calls, `jobs_unique` the distinct jobs.
        """
        where = " AND ".join(f"{name} = :{name}" for name in FILTERS if name in filters) or "1"
        found = {**filters, "limit": limit}
        job_columns = ", ".join(name for name in _JOB_COLUMNS if name not in ("request", "result")) + ", deleted_at"

        def rows(sql: str) -> list[dict[str, Any]]:
            return [dict(row) for row in self._db.execute(sql, found)]

        with self._lock:
            outcomes = f"SELECT outcome, count(*) AS n FROM calls WHERE {where} GROUP BY outcome ORDER BY 1"
            begins = "(operation GLOB 'Start*' OR operation IN ('CreateJob', 'InvokeDataAutomationAsync'))"
            starts = f"SELECT count(*) AS n FROM calls WHERE {where} AND took_effect AND {begins}"
            return {
                "jobs_started": rows(starts)[0]["n"],
                "jobs_unique": rows(f"SELECT count(*) AS n FROM jobs WHERE {where}")[0]["n"],
                "outcomes": {row["outcome"]: row["n"] for row in rows(outcomes)},
                "jobs": rows(f"SELECT {job_columns} FROM jobs WHERE {where} ORDER BY id DESC LIMIT :limit"),
                "calls": rows(f"SELECT * FROM calls WHERE {where} ORDER BY id DESC LIMIT :limit"),
            }

    def _jobs(self, where: str, values: Sequence[object]) -> list[LedgerJob]:
        rows = self._db.execute(f"SELECT {', '.join(_JOB_COLUMNS)} FROM jobs WHERE {where}", values)
        return [_job(row) for row in rows]

    def _update(self, job: LedgerJob, assignments: str, values: Sequence[object]) -> None:
        sql = f"UPDATE jobs SET {assignments} WHERE service = ? AND job_id = ? AND started_at = ?"
        with self._lock:
            self._db.execute(sql, (*values, job.service, job.job_id, job.started_at))

    def _insert(self, table: str, row: Mapping[str, object]) -> None:
        sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"
        self._db.execute(sql, row)


def _job(row: sqlite3.Row) -> LedgerJob:
    values = dict(row)
    result = values.pop("result")
    return LedgerJob(**(values | {"request": json.loads(values["request"]), "result": result and json.loads(result)}))
