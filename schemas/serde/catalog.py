"""The published schemas: every version of every event, read from `schemas/avro/<Event>/v<N>.avsc`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

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
