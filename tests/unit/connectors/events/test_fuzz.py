"""Hostile messages, a few thousand of them; `make fuzz` tries a million."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import bridge


@pytest.mark.parametrize("seed", range(4))
def test_nothing_hostile_gets_an_exception_out_of_the_translator(seed: int) -> None:
    draw = random.Random(seed)
    endings = {bridge.check(bridge.message(draw)) for _ in range(1_000)}
    assert endings == {"translated", "refused", "ignored"}
