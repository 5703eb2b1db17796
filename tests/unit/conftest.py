"""Unit tests run without the cluster that system tests of the same process have started."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import isolation


@pytest.fixture(autouse=True)
def without_cluster() -> Iterator[None]:
    """Hide the variables of the cluster."""
    with isolation.without_cluster():
        yield
