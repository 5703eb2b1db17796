"""The web application of the API."""

from __future__ import annotations

from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headrace.connectors.aws.request_guard import AccessPolicy, App
from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.console.machines.api import protocol
from headrace.console.machines.port import MachineServices

HEALTH = "/health"
SIGNING_NAME = "states"


def create_app(services: MachineServices) -> App:
    """Return the application. It does not check signatures: put a `RequestGuard` before it."""

    async def respond(request: Request) -> Response:
        target = request.headers.get("x-amz-target", "")
        answer = await protocol.answer(target, await request.body(), services)
        headers = {"x-amzn-requestid": str(uuid4())}
        if answer.error:
            headers["x-amzn-errortype"] = answer.error
        return Response(answer.body, answer.status, headers, protocol.CONTENT_TYPE)

    return Starlette(routes=[Route("/", respond, methods=["POST"]), Route(HEALTH, _health)])


def access_policy(keys: AwsCredentials, hosts: frozenset[str]) -> AccessPolicy:
    """Return what the API accepts: calls that are signed for Step Functions."""
    return AccessPolicy(keys, hosts, frozenset({SIGNING_NAME}), public=frozenset({HEALTH}))


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
