"""Load the vectors that `vectors/index.json` lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
INDEX = ROOT / "conformance" / "vectors" / "index.json"
FIELDS = {"id": "id", "input": "input", "expect": "expect"}


@dataclass(frozen=True, slots=True)
class VectorFile:
    """A file of vectors. `fields` names the members of a line; a list selects members as the input."""

    kind: str
    path: Path
    licence: str
    provenance: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Vector:
    """An input, and the members that the output must have."""

    kind: str
    id: str
    input: Any
    expect: dict[str, Any]


def files() -> list[VectorFile]:
    """Return the files of the index."""
    return [
        VectorFile(
            each["kind"],
            ROOT / each["file"],
            each["licence"],
            each["provenance"],
            {**FIELDS, **each.get("fields", {})},
        )
        for each in json.loads(INDEX.read_text("utf-8"))
    ]


def load(file: VectorFile) -> Iterator[Vector]:
    """Yield the vectors of a file. A line whose input lacks the member `input` is no vector."""
    names = file.fields
    for line in file.path.read_text("utf-8").splitlines():
        case = json.loads(line)
        chosen = names["input"]
        given = {name: case[name] for name in chosen if name in case} if isinstance(chosen, list) else case[chosen]
        if not isinstance(chosen, list) or "input" in given:
            yield Vector(file.kind, case[names["id"]], given, case[names["expect"]])
