"""`python -m tests.support.checked_ministack`: MiniStack with all services and the sandbox's checks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from headrace.sandbox.cluster.checked_requests import CheckedRequests


def main() -> None:
    """Serve until SIGTERM."""
    server: Any = import_module("ministack.app")
    server.app = CheckedRequests(server.app)
    server.main()


if __name__ == "__main__":
    main()
