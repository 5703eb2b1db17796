"""The web application of the endpoint: AWS protocols, health, ledger and faults."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headrace.connectors.aws import aws_shapes
from headrace.connectors.aws.request_guard import AccessPolicy, ControlToken
from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.sandbox.access.keys import CONTROL_HEADER, control_token
from headrace.sandbox.ai import polly, quotas, translate
from headrace.sandbox.ai.automation import automation
from headrace.sandbox.ai.bedrock import converse
from headrace.sandbox.ai.comprehend import comprehend
from headrace.sandbox.ai.framework import faults, ledger
from headrace.sandbox.ai.framework.aws_clients import AwsClients
from headrace.sandbox.ai.framework.face_store import FaceStore
from headrace.sandbox.ai.framework.faults import Faults
from headrace.sandbox.ai.framework.job_runner import JobRunner, JobTools
from headrace.sandbox.ai.framework.ledger import Ledger
from headrace.sandbox.ai.framework.protocol import ProtocolServer
from headrace.sandbox.ai.framework.service import ServiceContext
from headrace.sandbox.ai.mediaconvert import mediaconvert
from headrace.sandbox.ai.rekognition import labels
from headrace.sandbox.ai.textract import textract
from headrace.sandbox.ai.transcribe import transcribe

SERVICES = (
    labels.SERVICE,
    transcribe.SERVICE,
    textract.SERVICE,
    comprehend.SERVICE,
    translate.SERVICE,
    polly.SERVICE,
    mediaconvert.SERVICE,
    converse.SERVICE,
    quotas.SERVICE,
    automation.SERVICE,
)
HEALTH = "/health"
LEDGER, FAULTS, INBOX = CONTROL = ("/ledger", "/faults", "/inbox")
ANY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
LEDGER_FILE = "ai.sqlite"
FACES_FILE = "faces.sqlite"
ROWS = 1000
KEPT = 1000


@dataclass(frozen=True, slots=True)
class AiSettings:
    """The ledger's folder (None: in memory) and the minimum duration of a job in seconds."""

    data: Path | None
    job_seconds: float


def create_app(settings: AiSettings, cloud: AwsClients, clock: Callable[[], float]) -> Starlette:
    """Return the endpoint; it resumes unfinished jobs in `settings.data`."""
    ledger_store = Ledger(settings.data / LEDGER_FILE if settings.data else None)
    faces = FaceStore(settings.data / FACES_FILE if settings.data else None)
    in_force = Faults()
    kinds = {name: kind for service in SERVICES for name, kind in service.jobs.items()}
    jobs = JobRunner(kinds, JobTools(ledger_store, cloud, in_force, clock, settings.job_seconds))
    wire = ProtocolServer(SERVICES, ServiceContext(cloud, jobs, ledger_store, clock, faces), in_force)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            jobs.open(tasks)
            yield
            tasks.cancel_scope.cancel()
        ledger_store.close()
        faces.close()

    routes = [
        *wire.routes(),
        Route(HEALTH, _health),
        Route(INBOX, _inbox(), methods=["GET", "POST"]),
        Route(LEDGER, _ledger_page(ledger_store)),
        Route(FAULTS, _faults_page(in_force), methods=["GET", "POST", "DELETE"]),
        Route("/{path:path}", wire.refuse, methods=ANY_METHOD),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def access_policy(keys: AwsCredentials, hosts: frozenset[str]) -> AccessPolicy:
    """Return what the endpoint accepts: signed calls of its services, and control requests with the token."""
    services = frozenset(aws_shapes.service_model(service.name).signing_name for service in SERVICES)
    token = ControlToken(CONTROL_HEADER, control_token(keys))
    return AccessPolicy(keys, hosts, services, frozenset({HEALTH}), frozenset(CONTROL), token)


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _inbox() -> Callable[[Request], Any]:
    """Return a webhook receiver; GET returns the last received requests, newest last."""
    kept: deque[Any] = deque(maxlen=KEPT)

    async def page(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse(list(kept))
        signed = {name: request.headers.get(name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
        kept.append({**signed, "body": (await request.body()).decode(errors="replace")})
        return Response(status_code=204)

    return page


def _ledger_page(ledger_store: Ledger) -> Callable[[Request], Any]:
    async def page(request: Request) -> Response:
        filters = dict(request.query_params)
        limit = filters.pop("limit", str(ROWS))
        if unknown := set(filters) - set(ledger.FILTERS):
            known = ", ".join((*ledger.FILTERS, "limit"))
            return _bad(f"unknown filter: {', '.join(sorted(unknown))}; known filters: {known}")
        if not limit.isdecimal():
            return _bad("limit: a number of rows")
        return JSONResponse(await run_in_threadpool(ledger_store.report, filters, int(limit)))

    return page


def _faults_page(in_force: Faults) -> Callable[[Request], Any]:
    known = {"*", *(name for service in SERVICES for name in service.operations)}

    async def page(request: Request) -> Response:
        if request.method == "DELETE":
            in_force.clear()
        elif request.method == "POST":
            try:
                fault = faults.parse(json.loads(await request.body()))
            except ValueError as error:
                return _bad(str(error))
            if fault.operation not in known:
                return _bad(f"operation: one of {', '.join(sorted(known))}")
            in_force.add(fault)
        return JSONResponse(in_force.listing())

    return page


def _bad(message: str) -> Response:
    return JSONResponse({"error": message}, 400)
