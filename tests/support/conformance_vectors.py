"""The vectors of `conformance/vectors`, for tests that use their inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "conformance" / "vectors"


def load_lines(name: str) -> list[dict[str, Any]]:
    """Load a file of JSON lines."""
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines() if line.strip()]
