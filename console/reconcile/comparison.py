"""Compare the objects of a bucket with the assets of the views. Pure; both sides are read in the order of their keys.

unaccepted   the object, or its current version, has never reached the pipeline
unfinished   its stages have not finished
gone         the views have it, but the bucket does not, and no deletion was received
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from headrace.connectors.backfill.filters import ObjectFilters
from headrace.connectors.backfill.listing import ListedObject, ListingError
from headrace.console.views.queries.inventory import NewestVersion

DifferenceKind = Literal["unaccepted", "unfinished", "gone"]
ComparisonResult = DifferenceKind | Literal["accepted", "recent", "filtered"]

_FILTERS = ObjectFilters()
"""Folder markers and archived objects are not processed."""


@dataclass(frozen=True, slots=True)
class ComparedKey:
    """The result for one key. `listed` is the object, with the sequencer that it follows; None if it is gone."""

    key: str
    result: ComparisonResult
    listed: ListedObject | None = None


@dataclass(frozen=True, slots=True)
class ComparisonRules:
    """`newest` is the latest modification time of an object that is compared: later ones may be on their way.

    `is_accepted` looks up whether the views have a version of an asset that is not its newest one.
    """

    newest: datetime
    is_accepted: Callable[[int, str], bool]


def compare(
    objects: Iterable[ListedObject], known: Iterable[NewestVersion], rules: ComparisonRules
) -> Iterator[ComparedKey]:
    """Yield the result of each key of either side.

    Raises:
        ListingError: the bucket does not list its keys in order.
    """
    assets = iter(known)
    asset = next(assets, None)
    before = ""
    for listed in objects:
        if listed.key < before:
            raise ListingError(f"the bucket lists {listed.key!r} after {before!r}: it must list in the order of keys")
        before = listed.key
        while asset is not None and asset.key < listed.key:
            yield _without_object(asset)
            asset = next(assets, None)
        same = asset if asset is not None and asset.key == listed.key else None
        yield _with_object(listed, same, rules)
        if same is not None:
            asset = next(assets, None)
    while asset is not None:
        yield _without_object(asset)
        asset = next(assets, None)


def _without_object(asset: NewestVersion) -> ComparedKey:
    return ComparedKey(asset.key, "accepted" if asset.state == "deleted" else "gone")


def _with_object(listed: ListedObject, asset: NewestVersion | None, rules: ComparisonRules) -> ComparedKey:
    if asset is not None and _is_known(listed, asset, rules):
        is_newest = asset.version == (listed.version_id or listed.etag)
        unfinished = is_newest and asset.state == "processing" and listed.modified <= rules.newest
        return ComparedKey(listed.key, "unfinished" if unfinished else "accepted", listed)
    if _FILTERS.skip_reason(listed):
        return ComparedKey(listed.key, "filtered", listed)
    if listed.modified > rules.newest:
        return ComparedKey(listed.key, "recent", listed)
    return ComparedKey(listed.key, "unaccepted", replace(listed, follows=asset.sequencer) if asset else listed)


def _is_known(listed: ListedObject, asset: NewestVersion, rules: ComparisonRules) -> bool:
    """Whether the views have the current version of an object.

    A version id names one upload, so an older version may be current again. An ETag names the content: a deletion, or
    another newest version, means that the object was stored again.
    """
    if listed.version_id:
        return asset.version == listed.version_id or rules.is_accepted(asset.id, listed.version_id)
    return asset.version == listed.etag and asset.state != "deleted"
