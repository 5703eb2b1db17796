"""What Kafka's own tools are given."""

from __future__ import annotations

import pytest

from headrace.sandbox.cluster.kafka_tools import with_bootstrap_server


def test_a_tool_is_told_where_the_broker_is() -> None:
    assert with_bootstrap_server(["--list"], "127.0.0.1:1") == ["--bootstrap-server", "127.0.0.1:1", "--list"]


@pytest.mark.parametrize("given", [["--bootstrap-server", "other:1"], ["--bootstrap-server=other:1"]])
def test_another_broker_that_was_named_is_left(given: list[str]) -> None:
    assert with_bootstrap_server(given, "127.0.0.1:1") == given
