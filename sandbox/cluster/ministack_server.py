"""`python -m headrace.sandbox.cluster.ministack_server`: MiniStack behind the request guard and the request checks.

The environment has MiniStack's settings, the access key, and in HEADRACE_AWS_HOST a host name to accept.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from headrace.connectors.aws.request_guard import AccessPolicy, RequestGuard
from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.sandbox.access.hosts import accepted_hosts
from headrace.sandbox.cluster.checked_requests import CheckedRequests
from headrace.sandbox.cluster.ministack import ACCOUNT_SERVICES, HEALTH, SERVICES


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    keys = AwsCredentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    policy = AccessPolicy(
        keys, accepted_hosts(os.environ), frozenset((*SERVICES, *ACCOUNT_SERVICES)), public=frozenset({HEALTH})
    )
    server: Any = import_module("ministack.app")
    # MiniStack's start-up serves the application that its module names.
    server.app = RequestGuard(CheckedRequests(server.app), policy, lambda: datetime.now(UTC))
    server.main()


if __name__ == "__main__":
    main()
