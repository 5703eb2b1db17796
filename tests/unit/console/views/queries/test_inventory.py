"""The assets of a bucket in the order of their keys."""

from __future__ import annotations

import pytest

from headrace.console.views.queries import inventory
from tests.support import records
from tests.unit.console.asset_history import deleted, entry
from tests.unit.console.views.queries.folded import FoldedViews
from tests.unit.console.views.queries.test_history import at_offsets

KEYS = ("", "\x00", "\x00a", "\x01", "\x02", "a", "a/", "a/b", "ab", "é", "\uffff", "\U0001f600")
"""Keys in the order in which S3 lists them: UTF-8 bytes."""
V1, V2, GONE = (records.asset("v", sequencer=f"0{each}", version=each, version_id=each) for each in "123")
VIEWS = FoldedViews(
    at_offsets(
        [entry(records.uploaded(records.asset(key))) for key in reversed(KEYS)]
        + [entry(records.uploaded(each)) for each in (V1, V2, GONE)]
        + [entry(deleted(GONE)), entry(records.uploaded(records.asset("x", bucket="other")))]
    )
)


@pytest.mark.parametrize("chunk", [1, 2, 1000])
def test_assets_are_in_the_order_of_s3(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(inventory, "CHUNK", chunk)
    listed = [each.key for each in inventory.newest_versions(VIEWS.connect, "media", "")]
    assert listed == sorted([*KEYS, "v"], key=lambda key: key.encode())


def test_prefix_limits_the_assets() -> None:
    assert [each.key for each in inventory.newest_versions(VIEWS.connect, "media", "a/")] == ["a/", "a/b"]


def test_newest_version_is_returned_with_its_state() -> None:
    [newest] = inventory.newest_versions(VIEWS.connect, "media", "v")
    assert (newest.version, newest.sequencer, newest.state) == ("3", "03", "deleted")


def test_version_counts_unless_it_was_removed() -> None:
    [newest] = inventory.newest_versions(VIEWS.connect, "media", "v")
    found = {version for version in "1234" if inventory.has_version(VIEWS.connect, newest.id, version)}
    assert found == {"1", "2"}
