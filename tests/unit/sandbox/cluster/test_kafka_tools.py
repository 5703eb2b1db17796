"""Tests of the arguments of Kafka tools."""

from __future__ import annotations

import pytest

from headrace.sandbox.cluster.kafka_tools import with_bootstrap_server


def test_adds_the_bootstrap_server() -> None:
    assert with_bootstrap_server(["--list"], "127.0.0.1:1") == ["--bootstrap-server", "127.0.0.1:1", "--list"]


@pytest.mark.parametrize("arguments", [["--bootstrap-server", "other:1"], ["--bootstrap-server=other:1"]])
def test_keeps_a_given_bootstrap_server(arguments: list[str]) -> None:
    assert with_bootstrap_server(arguments, "127.0.0.1:1") == arguments
