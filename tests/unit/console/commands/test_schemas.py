"""`headrace schemas`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from headrace.console.commands.schemas import app
from headrace.schemas.records import EVENTS
from headrace.schemas.serde import catalog
from headrace.schemas.serde.catalog import SchemaVersion
from tests.unit.schemas.secrets import enum, field, record, versions

BAD = versions(record("MediaUploaded", field("kind", enum("Kind", "a"))))


def test_lists_versions_fingerprint_and_topic_of_every_event() -> None:
    result = CliRunner().invoke(app, ["list", "--json"])

    rows = json.loads(result.stdout)
    assert [row["event"] for row in rows] == sorted(EVENTS)
    assert rows[sorted(EVENTS).index("MediaUploaded")] == {
        "event": "MediaUploaded",
        "versions": [1],
        "fingerprint": "ce5d94662e18e4dd",
        "topic": "media.uploaded",
    }


def test_table_shows_the_same_versions() -> None:
    result = CliRunner().invoke(app, ["list"])

    assert result.stdout.splitlines()[0].split() == ["event", "versions", "fingerprint", "topic"]
    assert ["MediaUploaded", "v1", "ce5d94662e18e4dd", "media.uploaded"] in map(str.split, result.stdout.splitlines())


def test_compatible_schemas_pass_the_check() -> None:
    result = CliRunner().invoke(app, ["check"])

    assert result.exit_code == 0
    assert result.stdout == f"{len(catalog.versions())} versions of {len(EVENTS)} events: compatible\n"


def test_check_explains_incompatible_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    def planted() -> tuple[SchemaVersion, ...]:
        return BAD

    monkeypatch.setattr(catalog, "versions", planted)

    result = CliRunner().invoke(app, ["check"])

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "MediaUploaded v1 at Kind: is an enum without a default; name the symbol that unknown ones become\n"
    )
