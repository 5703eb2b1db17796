"""The vectors are complete, and Headrace passes them."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from conformance import table
from conformance.command import Command
from conformance.compare import matches
from conformance.run import read, run_kind
from conformance.vectors import INDEX, VectorFile, files, load
from tests.contract.fidelity.recordings import recorded_tests
from tests.support.conformance_vectors import load_lines

FILES = files()
HEADRACE = [sys.executable, "-m", "conformance.adapters.headrace"]

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.kind)


@each_file
def test_ids_are_unique(file: VectorFile) -> None:
    counts = Counter(vector.id for vector in load(file))
    assert [name for name, count in counts.items() if count > 1] == []


@each_file
def test_file_has_a_licence_and_a_provenance(file: VectorFile) -> None:
    assert file.licence == "Apache-2.0"
    assert file.provenance


def test_every_file_is_in_the_index() -> None:
    assert set(INDEX.parent.glob("*.jsonl")) <= {file.path for file in FILES}
    assert len({file.kind for file in FILES}) == len(FILES)


def test_headrace_passes_every_vector() -> None:
    """State machines, which are slow, are left out: `test_recorded_executions.py` runs each."""
    command = Command(HEADRACE, 60.0, 120.0)
    results = {file.kind: run_kind(command, load(file)) for file in FILES if not file.kind.startswith("asl")}
    command.close()
    assert {kind: (each.failed, each.reasons) for kind, each in results.items()} == dict.fromkeys(results, ([], {}))


@pytest.mark.parametrize("path", sorted(table.RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_stored_results_are_those_of_the_current_vectors(path: Path) -> None:
    _, results = read(path)
    current = {file.kind: sum(1 for _ in load(file)) for file in FILES}
    assert {kind: each.total for kind, each in results.items()}.items() <= current.items()


def test_stored_results_of_headrace_have_no_failure() -> None:
    _, results = read(table.RESULTS / "headrace.json")
    assert all(each.counts["passed"] == each.total for each in results.values())


@pytest.mark.parametrize("vector", load_lines("input-transformers"), ids=lambda vector: vector["id"])
def test_payload_is_the_recorded_one(vector: dict[str, dict[str, str]]) -> None:
    test, _, answer = str(vector["source"]).split("::", 2)[2].rpartition("/")
    [message] = recorded_tests("events_inputs")[test][answer]
    time = "2026-03-14T15:09:26Z"
    expected = vector["expect"]["payload"].replace(time, "date")
    assert matches({"payload": message["Body"]}, {"payload": expected})
