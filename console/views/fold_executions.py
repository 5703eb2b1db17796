"""Fold transitions of executions into a batch. Pure."""

from __future__ import annotations

from headrace.console.views.batch import Batch
from headrace.console.views.fold_operations import InvalidRecordError
from headrace.console.views.identity import identity_hash
from headrace.schemas.records import ExecutionAdvanced

LONGEST_ARN = 1_024
"""Characters of an ARN that is indexed. PostgreSQL cannot index texts of more than 2,704 bytes."""


def fold_execution(batch: Batch, event: ExecutionAdvanced) -> None:
    """Fold a transition.

    Raises:
        InvalidRecordError: a name in it is too long to be indexed.
    """
    for text in (event.execution, event.machine, event.parent, event.map_run, event.alias, event.revision):
        if text is not None and len(text) > LONGEST_ARN:
            raise InvalidRecordError(f"a name in it has more than {LONGEST_ARN} characters")
    batch.executions.setdefault(execution_number(event.execution), []).append(event)


def execution_number(arn: str) -> int:
    """Return the number of an execution in the tables: a hash of its ARN."""
    return identity_hash((arn,))
