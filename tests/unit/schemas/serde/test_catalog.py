"""Tests of reading the published schemas from the folder."""

from __future__ import annotations

from headrace.schemas.records import EVENTS
from headrace.schemas.serde import catalog
from headrace.schemas.serde.catalog import SchemaVersion


def test_every_folder_is_an_event_with_a_record() -> None:
    assert {version.event for version in catalog.versions()} == EVENTS.keys()


def test_versions_are_sorted_by_event_and_number() -> None:
    found = [(version.event, version.number) for version in catalog.versions()]

    assert found == sorted(found)


def test_latest_is_the_highest_version_number() -> None:
    published = tuple(SchemaVersion("E", number, {}) for number in (2, 10, 1))

    assert catalog.latest(published)["E"].number == 10


def test_label_is_event_and_number() -> None:
    assert SchemaVersion("MediaUploaded", 3, {}).label == "MediaUploaded v3"
