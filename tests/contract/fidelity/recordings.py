"""The answers of AWS in `tests/data/aws-recordings`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "data" / "aws-recordings"

Recorded = dict[str, dict[str, Any]]
"""The answers of each recorded test, by their names."""


@cache
def recorded_tests(file: str) -> Recorded:
    """Return the recorded tests of a file such as `sqs`.

    A test has the name `test_x[parameters]`, or `Class::test_x[parameters]` where two classes have the same test.
    """
    content = json.loads((FOLDER / f"{file}.json").read_text("utf-8"))
    by_class = {key.split("::", 1)[1]: entry["recorded-content"] for key, entry in content.items()}
    short = [name.partition("::")[2] if name.startswith("Test") else name for name in by_class]
    names = (full if short.count(name) > 1 else name for full, name in zip(by_class, short, strict=True))
    return dict(zip(names, by_class.values(), strict=True))


def files() -> list[str]:
    """Return the names of all files."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))
