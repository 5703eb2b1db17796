"""The published schemas: every version of every event, read from `schemas/avro/<Event>/v<N>.avsc`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """One published version of one event. It never changes."""

    event: str
    number: int
    schema: Schema

    @property
    def label(self) -> str:
        """Return the name with the version: `MediaUploaded v1`."""
        return f"{self.event} v{self.number}"


class SchemaLookup(Protocol):
    """The schema registry as the codec uses it. Both methods block and raise `RegistryUnavailableError`."""

    def schema(self, schema_id: int) -> Schema | None:
        """Return the schema with this id; None if there is none."""

    def ids(self, published: tuple[SchemaVersion, ...]) -> Mapping[str, int]:
        """Return the ids of the registered versions, by `SchemaVersion.label`."""


def versions() -> tuple[SchemaVersion, ...]:
    """Return every published version, sorted by event and number."""
    published = [
        SchemaVersion(
            folder.name, int(file.name.removeprefix("v").removesuffix(".avsc")), json.loads(file.read_text("utf-8"))
        )
        for folder in files("headrace.schemas").joinpath("avro").iterdir()
        for file in folder.iterdir()
        if file.name.endswith(".avsc")
    ]
    return tuple(sorted(published, key=lambda version: (version.event, version.number)))


def latest(published: tuple[SchemaVersion, ...]) -> dict[str, SchemaVersion]:
    """Return the newest version of each event."""
    return {version.event: version for version in sorted(published, key=lambda version: version.number)}
