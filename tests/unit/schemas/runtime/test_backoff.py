"""The wait after a failure doubles up to a maximum."""

from __future__ import annotations

import pytest

from headrace.schemas.runtime.backoff import backoff_seconds


@pytest.mark.parametrize(("failures", "seconds"), [(1, 0.5), (2, 1.0), (4, 4.0), (5, 8.0), (6, 10.0), (10_000, 10.0)])
def test_wait_doubles_up_to_the_maximum(failures: int, seconds: float) -> None:
    assert backoff_seconds(failures, 0.5, 10.0) == seconds
