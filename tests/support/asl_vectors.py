"""The recorded state machines of `tests/data/asl`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "data" / "asl"


def load_vectors(name: str) -> list[dict[str, Any]]:
    """Load a file of recorded state machines."""
    lines = (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def vector_id(vector: dict[str, Any]) -> str:
    """Return the name of a vector without its folders."""
    return str(vector["name"]).rpartition("::")[2] if "::" in vector["name"] else str(vector["name"])


def definition_text(vector: dict[str, Any]) -> str:
    """Return the definition as JSON."""
    definition = vector["definition"]
    return definition if isinstance(definition, str) else json.dumps(definition)
