"""Clients of the AWS that the environment names at this moment."""

from __future__ import annotations

from typing import Any

import boto3


def new_client(service: str) -> Any:
    """Return a client. The default session of boto3 would keep the credentials of the first cluster of the process."""
    session: Any = boto3.session.Session()
    return session.client(service)
