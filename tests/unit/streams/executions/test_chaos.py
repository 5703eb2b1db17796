"""Random machines under kills end as the pure interpreter says. The long form is `make chaos-machines`."""

from __future__ import annotations

import pytest

from tests.chaos.support.machine_chaos import check_machine


def test_random_machines_under_kills() -> None:
    kills = sum(check_machine(seed, kills=3) for seed in range(40))
    assert kills > 60


def test_offset_that_moves_before_the_outcome_is_found() -> None:
    with pytest.raises(AssertionError):
        _check_many()


def _check_many() -> None:
    for seed in range(20):
        check_machine(seed, kills=3, commit_every=(0,))
