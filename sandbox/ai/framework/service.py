"""The interface of a service: its operations, its jobs and their dependencies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.sandbox.ai.framework.aws_clients import AwsClients
from headrace.sandbox.ai.framework.job_runner import JobKind, JobRunner
from headrace.sandbox.ai.framework.ledger import JobSubject, Ledger

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """The dependencies of an operation."""

    cloud: AwsClients
    jobs: JobRunner
    ledger: Ledger
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Service:
    """One AWS service, by botocore's name for it.

    `invalid` is its error code for a request that breaks its model, `failure` the one for a fault of ours;
    `subject` says what a call and its answer are about and never raises. Answers of operations that are `synthetic`
    say so in a header, since their shapes have no place for it, but for those of them that are real all the same.
    """

    name: str
    invalid: str
    failure: str
    operations: Mapping[str, Callable[[Params, ServiceContext], Params]]
    jobs: Mapping[str, JobKind]
    subject: Callable[[Params, Params], JobSubject]
    synthetic: frozenset[str] = frozenset()
    is_real: Callable[[Params], bool] = lambda _: False
