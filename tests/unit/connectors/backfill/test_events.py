"""Sequencers of listed objects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headrace.connectors.backfill.events import sequencer
from headrace.connectors.events.version_order import time_sequencer
from headrace.schemas.ids import SEQUENCER_WIDTH, sequencer_order

NOW = datetime(2026, 3, 14, tzinfo=UTC)
ACCEPTED = ("0065A1B2C3D4E5F6", "0065A1B2C3D4E5F6071A", "0065a1b2c3d4e5f607")
"""Sequencers of S3 with 16 to 20 digits."""


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_listed_object_sorts_before_what_s3_sends(accepted: str) -> None:
    assert sequencer_order(sequencer(NOW)) < sequencer_order(accepted)


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_object_that_follows_a_version_sorts_behind_it_and_before_the_next(accepted: str) -> None:
    following = sequencer(NOW, accepted)
    later = f"{int(accepted, 16) + 1:0{len(accepted)}X}"
    assert len(following) == SEQUENCER_WIDTH
    assert sequencer_order(accepted) < following < sequencer_order(later)


@pytest.mark.parametrize("accepted", ["", *ACCEPTED])
def test_listed_objects_sort_by_the_time_of_their_change(accepted: str) -> None:
    first = sequencer(NOW, accepted)
    assert first < sequencer(NOW + timedelta(milliseconds=1), first)


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(milliseconds=535), timedelta(hours=1)])
def test_object_that_follows_a_version_ordered_by_time_sorts_behind_it(behind: timedelta) -> None:
    """Last-Modified is in whole seconds, and that of a multipart upload is when the upload began."""
    accepted = time_sequencer(NOW + behind)
    assert accepted < sequencer(NOW, accepted) < time_sequencer(NOW + behind + timedelta(milliseconds=2))
    assert sequencer(NOW + timedelta(days=1), accepted) == time_sequencer(NOW + timedelta(days=1))
