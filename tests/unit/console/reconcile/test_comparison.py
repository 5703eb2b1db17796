"""Objects of a bucket compared with the assets of the views."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.backfill.listing import ListedObject, ListingError
from headrace.console.reconcile.comparison import ComparedKey, ComparisonRules, compare
from headrace.console.views.queries.inventory import NewestVersion

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
REAL = "0065A1B2C3D4E5F607"
"""A sequencer of S3."""


def listed(key: str, etag: str = "e1", version_id: str = "", age: float = 3600, size: int = 5) -> ListedObject:
    return ListedObject(key, size, etag, NOW - timedelta(seconds=age), version_id)


def known(key: str, version: str = "e1", state: str = "completed") -> NewestVersion:
    return NewestVersion(1, key, version, REAL, state)


def compared(
    objects: list[ListedObject], assets: list[NewestVersion], versions: tuple[str, ...] = ()
) -> list[ComparedKey]:
    rules = ComparisonRules(NOW - timedelta(minutes=15), lambda _asset, version: version in versions)
    return list(compare(objects, assets, rules))


def results(objects: list[ListedObject], assets: list[NewestVersion], versions: tuple[str, ...] = ()) -> dict[str, str]:
    return {each.key: each.result for each in compared(objects, assets, versions)}


def test_each_side_is_matched_by_key() -> None:
    objects = [listed("b"), listed("c"), listed("d")]
    assets = [known("a"), known("b"), known("c", state="processing"), known("e", state="deleted")]
    assert results(objects, assets) == {
        "a": "gone",
        "b": "accepted",
        "c": "unfinished",
        "d": "unaccepted",
        "e": "accepted",
    }


@given(st.sets(st.text(max_size=4)), st.sets(st.text(max_size=4)))
def test_every_key_has_one_result(objects: set[str], assets: set[str]) -> None:
    found = compared(list(map(listed, sorted(objects))), list(map(known, sorted(assets))))
    assert [each.key for each in found] == sorted(objects | assets)
    expected = dict.fromkeys(objects & assets, "accepted") | dict.fromkeys(assets - objects, "gone")
    assert {each.key: each.result for each in found if each.key in assets} == expected


def test_recent_object_may_be_on_its_way() -> None:
    assert results([listed("a", age=60)], []) == {"a": "recent"}
    assert results([listed("a", age=60)], [known("a", state="processing")]) == {"a": "accepted"}


def test_folder_markers_and_archived_objects_are_not_sent() -> None:
    archived = ListedObject("b", 5, "e1", NOW - timedelta(days=1), storage_class="GLACIER")
    assert results([listed("a/", size=0), archived], []) == {"a/": "filtered", "b": "filtered"}


def test_new_content_follows_the_accepted_version() -> None:
    [change] = compared([listed("a", etag="e2")], [known("a", "e1")])
    assert (change.result, change.listed and change.listed.follows) == ("unaccepted", REAL)


def test_content_that_was_deleted_and_stored_again_is_unaccepted() -> None:
    assert results([listed("a")], [known("a", state="deleted")]) == {"a": "unaccepted"}


def test_older_version_of_a_versioned_bucket_may_be_current_again() -> None:
    objects, assets = [listed("a", version_id="v1")], [known("a", "v2", "deleted")]
    assert results(objects, assets, versions=("v1",)) == {"a": "accepted"}
    assert results(objects, assets) == {"a": "unaccepted"}


def test_unfinished_is_only_the_newest_version() -> None:
    assets = [known("a", "v2", "processing")]
    assert results([listed("a", version_id="v1")], assets, versions=("v1",)) == {"a": "accepted"}
    assert results([listed("a", version_id="v2")], assets) == {"a": "unfinished"}


def test_bucket_that_lists_out_of_order_is_rejected() -> None:
    with pytest.raises(ListingError, match="order of keys"):
        compared([listed("b"), listed("a")], [])
