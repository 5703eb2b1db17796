"""Assets that `headrace watch` shows."""

from __future__ import annotations

import pytest

from headrace.console.assets.projection import AssetProjection, AssetVersion
from headrace.console.commands.watch import REMEMBERED, is_like, remember
from tests.support import records
from tests.unit.console.asset_history import NAME, entry, projection_of


def names(shown: dict[str, AssetVersion]) -> list[str]:
    return list(shown)


def three() -> AssetProjection:
    return projection_of(*(entry(records.uploaded(records.asset(key))) for key in ("a.jpg", "b.mp4", "c.jpg")))


@pytest.mark.parametrize(
    ("glob", "like"),
    [("*", True), (NAME, True), ("*.jpg", True), ("media/*", True), ("photos/*", True), ("*.mp4", False)],
)
def test_glob_matches_the_whole_name_or_the_key(glob: str, like: bool) -> None:
    assert is_like(NAME, glob) is like


def test_shows_matching_assets_only() -> None:
    shown: dict[str, AssetVersion] = {}
    remember(shown, three(), ("media/a.jpg", "media/b.mp4", "media/c.jpg"), "*.jpg")
    assert names(shown) == ["media/a.jpg", "media/c.jpg"]


def test_asset_keeps_its_line_while_stages_finish() -> None:
    shown: dict[str, AssetVersion] = {}
    progress = three()
    remember(shown, progress, tuple(progress.assets()), "*")
    progress.take(entry(records.scanned(records.asset("a.jpg")), 1, stage="scan"))
    remember(shown, progress, ("media/a.jpg",), "*")
    assert names(shown) == ["media/a.jpg", "media/b.mp4", "media/c.jpg"]
    assert "scan" in shown["media/a.jpg"].stages


def test_new_version_replaces_the_old_line_and_moves_last() -> None:
    shown: dict[str, AssetVersion] = {}
    progress = three()
    remember(shown, progress, tuple(progress.assets()), "*")
    progress.take(entry(records.uploaded(records.asset("a.jpg", sequencer="0B", version="e2"))))
    remember(shown, progress, ("media/a.jpg",), "*")
    assert names(shown) == ["media/b.mp4", "media/c.jpg", "media/a.jpg"]


def test_drops_the_oldest_assets_above_the_limit() -> None:
    keys = [f"{number}.jpg" for number in range(REMEMBERED + 5)]
    progress = projection_of(*(entry(records.uploaded(records.asset(key))) for key in keys))
    shown: dict[str, AssetVersion] = {}
    remember(shown, progress, tuple(progress.assets()), "*")
    assert (len(shown), names(shown)[0]) == (REMEMBERED, "media/5.jpg")
