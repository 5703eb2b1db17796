"""Tests that published schemas do not change and that their data stays readable."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from headrace.schemas.records import EVENTS
from headrace.schemas.serde import catalog, codec, generic_avro
from headrace.schemas.serde.catalog import SchemaVersion
from headrace.schemas.serde.codec import Codec
from tests.support import golden

PUBLISHED = catalog.versions()

each_version = pytest.mark.parametrize("version", PUBLISHED, ids=lambda version: version.label)


@each_version
def test_published_schema_file_is_unchanged(version: SchemaVersion) -> None:
    assert golden.sha256(version) == golden.read(version).sha256, f"{version.label} is published: add a new version"


@each_version
def test_schema_fingerprint_is_unchanged(version: SchemaVersion) -> None:
    assert generic_avro.fingerprint(version.schema).hex() == golden.read(version).fingerprint


@each_version
def test_decodes_the_golden_bytes(version: SchemaVersion) -> None:
    wanted = golden.read(version)

    record = codec.load().decode(bytes.fromhex(wanted.bytes))

    assert record == msgspec.convert(wanted.record, EVENTS[version.event])


@pytest.mark.parametrize("version", catalog.latest(PUBLISHED).values(), ids=lambda version: version.label)
def test_newest_version_encodes_the_golden_bytes(version: SchemaVersion) -> None:
    wanted = golden.read(version)

    data = Codec(PUBLISHED).encode(msgspec.convert(wanted.record, EVENTS[version.event]))

    assert data.hex() == wanted.bytes


def test_no_published_version_was_removed() -> None:
    assert {path.name for path in golden.FOLDER.iterdir()} == {golden.path(version).name for version in PUBLISHED}


def test_golden_files_are_only_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "FOLDER", tmp_path)
    first, *others = PUBLISHED
    golden.path(first).write_text("kept")

    added = golden.add(PUBLISHED)

    assert golden.path(first).read_text() == "kept"
    assert added == [golden.path(version) for version in others]
    assert golden.add(PUBLISHED) == []
