"""Select the objects of a backfill."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime

from headrace.connectors.backfill.listing import BucketPrefix, ListedObject

ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
"""Storage classes whose objects must be restored before they can be read."""


@dataclass(frozen=True, slots=True)
class ObjectFilters:
    """Conditions of an object. Sizes are in bytes and inclusive; `until` is exclusive.

    Suffixes are compared without regard to case, because cameras write `.JPG`.
    """

    suffixes: tuple[str, ...] = ()
    min_size: int | None = None
    max_size: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def skip_reason(self, listed: ListedObject) -> str:
        """Return the name of the condition that excludes an object; empty if it is selected."""
        if listed.key.endswith("/") and not listed.size:
            return "folder"
        if listed.storage_class in ARCHIVED:
            return "archived"
        if self.suffixes and not listed.key.lower().endswith(tuple(each.lower() for each in self.suffixes)):
            return "suffix"
        if not _within(listed.size, self.min_size, self.max_size):
            return "size"
        before = self.since is not None and listed.modified < self.since
        after = self.until is not None and listed.modified >= self.until
        return "time" if before or after else ""


def name_of(place: BucketPrefix, filters: ObjectFilters) -> str:
    """Name a backfill after its prefix and normalised filters. Equal names share a checkpoint."""
    given = (
        *(("suffix", each) for each in sorted({suffix.lower() for suffix in filters.suffixes})),
        ("min-size", filters.min_size),
        ("max-size", filters.max_size),
        ("since", filters.since and filters.since.isoformat()),
        ("until", filters.until and filters.until.isoformat()),
    )
    options = [part for option, value in given if value is not None for part in (f"--{option}", str(value))]
    return shlex.join([place.address, *options])


def _within(size: int, least: int | None, most: int | None) -> bool:
    return (least is None or size >= least) and (most is None or size <= most)
