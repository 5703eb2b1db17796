"""Changes of assets are followed by the time of their change."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from headrace.console.views.queries import follow
from headrace.console.views.queries.follow import ViewFollower
from headrace.console.views.tables import assets
from tests.support import records
from tests.unit.console.asset_history import entry
from tests.unit.console.views.queries.folded import FoldedViews
from tests.unit.console.views.queries.test_history import at_offsets

KEYS = ("a", "b", "c", "d\x00")


@pytest.fixture
def views() -> FoldedViews:
    return FoldedViews(at_offsets([entry(records.uploaded(records.asset(key))) for key in KEYS]))


def change(views: FoldedViews, key: str, at: float) -> None:
    with views.connect() as connection:
        connection.execute(update(assets).where(assets.c.key == key).values(updated=at))
        connection.commit()


def follower(views: FoldedViews, wanted: Callable[[str], bool] = lambda _: True, limit: int = 100) -> ViewFollower:
    return ViewFollower(views.connect, wanted, limit, sleep=lambda _: None)


def test_newest_assets_come_first_and_then_changes(views: FoldedViews) -> None:
    for at, key in enumerate(("c", "a", "b"), 100):
        change(views, key, at)
    updates = follower(views, limit=2).follow()
    assert next(updates).changed == ("media/a", "media/b")
    assert next(updates).changed == ()
    change(views, "c", 103.0)
    assert next(updates).changed == ("media/c",)
    assert next(updates).changed == ()


def test_late_commit_of_another_projector_is_seen(views: FoldedViews) -> None:
    change(views, "a", 100.0)
    updates = follower(views).follow()
    next(updates)
    change(views, "b", 100.0 - follow.OVERLAP_SECONDS + 1)
    assert next(updates).changed == ("media/b",)


def test_only_wanted_assets_are_yielded(views: FoldedViews) -> None:
    updates = follower(views, lambda name: name == "media/b").follow()
    first = next(updates)
    assert first.changed == ("media/b",)
    newest = first.progress.newest_version("media/b")
    assert newest is not None
    assert newest.state == "processing"
    change(views, "a", 100.0)
    assert next(updates).changed == ()


def test_no_assets_are_followed_without_error() -> None:
    updates = follower(FoldedViews([])).follow()
    assert [next(updates).changed for _ in range(2)] == [(), ()]
