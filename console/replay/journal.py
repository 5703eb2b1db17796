"""Write and read the audit log of replays."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.replay import audit
from headrace.console.replay.audit import AuditEntry, ReplayKind
from headrace.console.terminal.operator import current_operator
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.safe_text import header_text


@dataclass(frozen=True, slots=True)
class StageGroup:
    """The stage of a replay and the consumer group whose offsets it changes."""

    stage: str
    group: str


def start_entry(kind: ReplayKind, target: StageGroup, request: str, reason: str, letters: int = 0) -> AuditEntry:
    """Return a new entry in state `begun`, with the current operator and time."""
    return AuditEntry(
        id=secrets.token_hex(4),
        kind=kind,
        state="begun",
        stage=target.stage,
        group=target.group,
        by=current_operator(),
        at=timestamp(datetime.now(UTC)),
        request=header_text(request),
        reason=header_text(reason),
        letters=letters,
    )


@contextmanager
def recorded(cluster: KafkaAdmin, action: AuditEntry, sent: Callable[[], int]) -> Iterator[None]:
    """Write the entry before the block and its final state, with the count from `sent`, after it."""
    cluster.write([audit.message(action)])
    try:
        yield
    except BaseException as error:  # includes KeyboardInterrupt: the audit log records how far the replay got
        note = header_text(str(error) or type(error).__name__)
        cluster.write([audit.message(action.over("stopped", datetime.now(UTC), sent(), note))])
        raise
    cluster.write([audit.message(action.over("done", datetime.now(UTC), sent()))])


def read_entries(cluster: KafkaAdmin) -> dict[str, AuditEntry]:
    """Return every audit entry by id, in the order in which the replays began."""
    cluster.require(topics.AUDIT.name)
    records = chain.from_iterable(cluster.read(cluster.spans([topics.AUDIT.name]), values=True))
    return audit.read(record.value for record in records)
