"""Fuzz the parser with a few thousand messages; `make fuzz` uses a million."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import bridge


@pytest.mark.parametrize("seed", range(4))
def test_fuzzed_messages_raise_no_exception(seed: int) -> None:
    draw = random.Random(seed)
    endings = {bridge.check(bridge.message(draw)) for _ in range(1_000)}
    assert endings == {"translated", "refused", "ignored"}
