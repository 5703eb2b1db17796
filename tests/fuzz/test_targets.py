"""Each fuzz target raises declared errors only, and quickly."""

from __future__ import annotations

import time

import pytest
from hypothesis import strategies as st

from tests.fuzz import machines
from tests.fuzz.parsers import SlowError, run_target
from tests.fuzz.targets import TARGETS, FuzzTarget

CASES = 60


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_target_raises_declared_errors_only(target: FuzzTarget) -> None:
    run_target(target, CASES)


def test_random_machines_raise_declared_errors_only() -> None:
    assert machines.fuzz(first=1, count=CASES).total() == CASES


def test_undeclared_error_is_detected() -> None:
    with pytest.raises(ZeroDivisionError):
        run_target(FuzzTarget("planted", st.integers(), lambda value: 1 // (value - value)), CASES)


def test_slow_case_is_detected() -> None:
    with pytest.raises(SlowError, match="planted"):
        run_target(FuzzTarget("planted", st.just(1), lambda _: time.sleep(0.06)), 1)
