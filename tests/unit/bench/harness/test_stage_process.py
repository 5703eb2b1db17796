"""Tests of the stage that the runner's benchmarks host."""

from __future__ import annotations

from typing import get_args

import pytest

from bench.harness.stage_process import Bench, Kind, Task


@pytest.mark.parametrize("kind", get_args(Kind))
def test_stage_of_each_kind_can_be_built(kind: Kind) -> None:
    assert Bench(Task(bootstrap_servers="127.0.0.1:9", name="b", reads="bench.uploads", kind=kind)).host
