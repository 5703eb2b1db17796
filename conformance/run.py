"""Send vectors to an implementation and count its outcomes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from conformance.command import Command, Unanswered
from conformance.compare import matches
from conformance.vectors import Vector

OUTCOMES = ("passed", "failed", "unsupported", "unanswered")


@dataclass(frozen=True, slots=True)
class KindResult:
    """The outcomes of one kind: the number of each, the ids of the failed ones, and the reasons of the others."""

    counts: dict[str, int]
    failed: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of vectors."""
        return sum(self.counts.values())


def run_kind(command: Command, vectors: Iterable[Vector]) -> KindResult:
    """Run vectors of one kind. Raises `CommandError`."""
    counts: Counter[str] = Counter()
    result = KindResult({})
    for vector in vectors:
        outcome, reason = _outcome(command, vector)
        counts[outcome] += 1
        if outcome == "failed":
            result.failed.append(vector.id)
        elif reason:
            result.reasons[reason] = vector.id
    result.counts.update({name: counts[name] for name in OUTCOMES})
    return result


def write(path: Path, implementation: str, results: dict[str, KindResult]) -> None:
    """Write results as JSON, for RESULTS.md."""
    content = {"implementation": implementation, "kinds": {kind: asdict(each) for kind, each in results.items()}}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read(path: Path) -> tuple[str, dict[str, KindResult]]:
    """Return the implementation and the results of a file."""
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content["implementation"], {kind: KindResult(**each) for kind, each in content["kinds"].items()}


def _outcome(command: Command, vector: Vector) -> tuple[str, str]:
    """Return the outcome of a vector, and why there is no output."""
    try:
        answer = command.answer({"id": vector.id, "kind": vector.kind, "input": vector.input})
    except Unanswered as reason:
        return "unanswered", str(reason)
    if "unsupported" in answer:
        return "unsupported", str(answer["unsupported"])
    if answer.get("id") != vector.id:
        return "unanswered", "an answer with another id"
    return ("passed" if matches(vector.expect, answer.get("output")) else "failed"), ""
