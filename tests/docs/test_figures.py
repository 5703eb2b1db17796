"""The figures of the documents come from the results."""

from __future__ import annotations

import json
from pathlib import Path

from tests.docs import figures

TIMES = {"p50": 3.1, "p99": 20.5, "most": 30.0, "number": 1000}
MEASURED = {
    "seed": 7,
    "records": 1_000_123,
    "uploads": 83_344,
    "seconds": 8_100.0,
    "faults": {"S3": 400, "AI": 600},
    "usual_seconds": TIMES,
    "recovery_seconds": TIMES,
    "recovery_seconds_by_kind": {"S3": TIMES | {"number": 400}},
    "anomalies": ["lost upload: 2, such as a; b", "the views differ"],
}


def test_proof_quotes_the_result(tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    file.write_text(json.dumps({"machine": {"cpu": "AMD EPYC", "cores": 2}, "measured": MEASURED}))
    text = figures.proof(file)
    assert (
        "1,000,123 records, 1,000 faults of 2 kinds; 2 lost, 0 duplicate jobs; recovery p50 3.1 s, p99 20.5 s." in text
    )
    table = figures.proof_recoveries(file)
    assert "all | 1,000 | 3.1 s | 20.5 s\nS3 | 400 | 3.1 s | 20.5 s\n" in table
    assert "Seed 7, 83,344 uploads, 135 min on AMD EPYC with 2 cores." in table


def test_without_a_result_no_figure_is_shown(tmp_path: Path) -> None:
    assert "lost" not in figures.proof(tmp_path / "missing.json")
    assert "p50" not in figures.proof_recoveries(tmp_path / "missing.json")
