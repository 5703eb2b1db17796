"""The interface of a service: its operations, its jobs and their dependencies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.sandbox.ai.framework.aws_clients import AwsClients
from headrace.sandbox.ai.framework.face_store import FaceStore
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
    faces: FaceStore


@dataclass(frozen=True, slots=True)
class Service:
    """One AWS service; `name` is its botocore name.

    `invalid` is the error code for a request that violates the model, `failure` the one for a server error.
    `subject` returns the subject of a call and its response; it never raises.
    `wrong` replaces the text of a response, for a service whose answers are the text of a model.
    Responses of `synthetic` operations have a header that marks them, except those for which `is_real` is true.
    """

    name: str
    invalid: str
    failure: str
    operations: Mapping[str, Callable[[Params, ServiceContext], Params]]
    jobs: Mapping[str, JobKind]
    subject: Callable[[Params, Params], JobSubject]
    synthetic: frozenset[str] = frozenset()
    is_real: Callable[[Params], bool] = lambda _: False
    wrong: Callable[[Params, str], Params] | None = None
