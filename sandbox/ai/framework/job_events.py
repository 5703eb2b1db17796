"""Events of ended jobs, as EventBridge delivers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from headrace.sandbox import names
from headrace.sandbox.ai.framework.aws_clients import AwsClients
from headrace.sandbox.ai.framework.ledger import LedgerJob


@dataclass(frozen=True, slots=True)
class JobEvent:
    """What a service says about an ended job. `source` is that of its events, such as `aws.transcribe`."""

    source: str
    detail_type: str
    detail: Mapping[str, Any]
    resources: Sequence[str] = ()


def ended_at(job: LedgerJob) -> datetime:
    """Return when a job ended."""
    return datetime.fromtimestamp(job.finished_at or job.due_at, UTC)


def emit_job_event(job: LedgerJob, event: JobEvent, cloud: AwsClients) -> None:
    """Send the event of an ended job; a repeated event has the same id."""
    cloud.emit(
        {
            "version": "0",
            "id": str(uuid5(NAMESPACE_URL, f"{event.source}/{job.job_id}/{job.started_at}")),
            "detail-type": event.detail_type,
            "source": event.source,
            "account": names.ACCOUNT,
            "time": ended_at(job).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": cloud.region,
            "resources": list(event.resources),
            "detail": event.detail,
        }
    )
