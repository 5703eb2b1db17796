"""The HTTP port of metrics and other pages."""

from __future__ import annotations

import random
import urllib.request
from urllib.error import HTTPError

import pytest
from prometheus_client import Counter

from headrace.sandbox.cluster.ports import free_port
from headrace.schemas.runtime.metrics_server import serve
from headrace.schemas.settings import SettingsError


def page(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_serves_collectors_until_closed() -> None:
    counter = Counter("headrace_test", "A test", registry=None)
    counter.inc(3)
    port = free_port(None, [], random.Random())
    close = serve(port, "127.0.0.1", [counter])
    url = f"http://127.0.0.1:{port}"
    assert "headrace_test_total 3.0" in page(f"{url}/metrics")[1]
    assert page(f"{url}/other") == (404, "not found; use /metrics")
    with pytest.raises(SettingsError, match=f"127.0.0.1:{port}: Address already in use .*HEADRACE_METRICS_PORT"):
        serve(port, "127.0.0.1", [])
    close()
    with pytest.raises(OSError, match="refused"):
        page(f"{url}/metrics")
    serve(port, "127.0.0.1", [counter])()
