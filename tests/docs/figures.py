"""Figures of the documents from bench/results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PROOF = Path(__file__).parents[2] / "bench" / "results" / "proof.json"


def proof(path: Path = PROOF) -> str:
    """Return the result of the last full proof in one paragraph; where to run it, if there is none yet."""
    if not path.exists():
        return "`make proof` checks them on a million records under 1,000 faults of 12 kinds.\n"
    found = json.loads(path.read_text("utf-8"))["measured"]
    times = found["recovery_seconds"]
    lost, twice = (_count(found, name) for name in ("lost upload", "duplicate job"))
    return (
        f"`make proof`: {found['records']:,} records, {sum(found['faults'].values()):,} faults of "
        f"{len(found['faults'])} kinds; {lost} lost, {twice} duplicate jobs; "
        f"recovery p50 {times['p50']} s, p99 {times['p99']} s.\n"
    )


def proof_recoveries(path: Path = PROOF) -> str:
    """Return the table of recovery times of the last full proof; empty without one."""
    if not path.exists():
        return "No full run is recorded yet.\n"
    result = json.loads(path.read_text("utf-8"))
    found, machine = result["measured"], result["machine"]
    times = {"all": found["recovery_seconds"], **found["recovery_seconds_by_kind"]}
    rows = (f"{kind} | {each['number']:,} | {each['p50']} s | {each['p99']} s\n" for kind, each in times.items())
    head = "Fault | Number | Recovery p50 | Recovery p99\n--- | --- | --- | ---\n"
    minutes, usual = found["seconds"] / 60, found["usual_seconds"]["p50"]
    facts = (
        f"\nSeed {found['seed']}, {found['uploads']:,} uploads, {minutes:.0f} min on {machine['cpu']} with "
        f"{machine['cores']} cores. An upload usually takes {usual} s (p50); recovery times include it.\n"
    )
    return head + "".join(rows) + facts


def _count(found: dict[str, Any], name: str) -> int:
    """Return how many findings of a name the report has."""
    named = [each for each in found["anomalies"] if each.startswith(f"{name}:")]
    return sum(int(each.partition(": ")[2].partition(",")[0]) for each in named)
