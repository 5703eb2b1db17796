"""The host names by which the sandbox's servers may be addressed."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.sandbox.names import HOST

HOST_NAME = "HEADRACE_AWS_HOST"
"""Environment variable with the name of the local AWS in a network of containers."""


def accepted_hosts(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the names that a Host header may have. A web page cannot send one of them to another server."""
    return frozenset({HOST, "localhost", environment.get(HOST_NAME) or HOST})
