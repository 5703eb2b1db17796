"""Call the control endpoints of the AI endpoint: ledger, faults and inbox."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

from headrace.sandbox.access.keys import CONTROL_HEADER, CONTROL_VARIABLE

TIMEOUT_SECONDS = 10.0


def call_control(url: str, method: str = "GET", body: object = None, token: str = "") -> Any:
    """Return the JSON of a response. The default token is that of the environment.

    Raises:
        OSError: The endpoint is unreachable, or refuses the call.
    """
    content = None if body is None else json.dumps(body).encode()
    headers = {CONTROL_HEADER: token or os.environ.get(CONTROL_VARIABLE, "")}
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy for this machine
    with direct.open(urllib.request.Request(url, content, headers, method=method), timeout=TIMEOUT_SECONDS) as answer:
        return json.load(answer)
