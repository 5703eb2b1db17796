"""What is written down of replays: who asks for what now, and what was done before."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain

from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.replay import audit
from headrace.console.replay.audit import AuditEntry, ReplayKind
from headrace.console.terminal.operator import current_operator
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.redaction import redact
from headrace.streams.engine.dlq import sanitize_reason


def start_entry(what: ReplayKind, where: tuple[str, str], asked: str, reason: str, letters: int = 0) -> AuditEntry:
    """Write down that somebody at this keyboard asks for something; `where` is the stage and the consumer group."""
    stage, group = where
    now = timestamp(datetime.now(UTC))
    id_, why = secrets.token_hex(4), sanitize_reason(reason)
    return AuditEntry(id_, what, "begun", stage, group, current_operator(), now, redact(asked), why, letters=letters)


@contextmanager
def recorded(cluster: KafkaAdmin, action: AuditEntry, sent: Callable[[], int]) -> Iterator[None]:
    """Write down that an action begins and, however the block ends, how it ended and how much it had sent by then."""
    cluster.write([audit.message(action)])
    try:
        yield
    except BaseException as error:  # also Ctrl-C: the log says how far it came
        note = str(error) or type(error).__name__
        cluster.write([audit.message(action.over("stopped", datetime.now(UTC), sent(), note))])
        raise
    cluster.write([audit.message(action.over("done", datetime.now(UTC), sent()))])


def read_entries(cluster: KafkaAdmin) -> dict[str, AuditEntry]:
    """Give every action by its id, in the order in which they began."""
    cluster.require(topics.AUDIT.name)
    records = chain.from_iterable(cluster.read(cluster.spans([topics.AUDIT.name]), values=True))
    return audit.read(record.value for record in records)
