"""Measure state machines: `python -m bench.machines`, or `make bench-machines`. Exit code 1 if a target is missed.

One core, without a broker: transitions (states entered) per second, the time of an inline Map per item, and the time
to parse and validate a definition. Beside it the interpreters of moto and MiniStack on the same machines. moto needs
Java for JSONata: without it, its column is empty.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.harness import report
from bench.harness.report import Spread
from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.execution.record import ExecutionLimits
from headrace.streams.machines.local_run.run import LocalSettings, run_locally
from headrace.streams.machines.validation import validate

HERE = Path(__file__).parent
PYTHON_OF_PEERS = HERE.parent / ".venv-bench" / "bin" / "python"
PEERS = ("moto", "ministack")
REPETITIONS = 5
STATES, ROUNDS = 100, 100
LOOPS = 200
ITEMS = (1_000, 10_000)
PEER_ITEMS, PEER_RUNS = 1_000, 2
DEFINITION_STATES = 40

JSONPATH_A_SECOND, JSONATA_A_SECOND, LINEAR, DEFINITION_MS = 50_000, 3_000, 1.5, 5.0
SETTINGS = LocalSettings(datetime(2026, 3, 14, tzinfo=UTC), limits=ExecutionLimits())

Definition = dict[str, Any]


def chain(states: int, salt: str = "") -> Definition:
    """Return Pass and Choice states in turn, with definite paths."""
    machine: Definition = {"StartAt": "S0", "States": {}}
    for number in range(0, states, 2):
        machine["States"][f"S{number}"] = {
            "Type": "Pass",
            "Parameters": {"size.$": f"$.media{salt}.size", "tags": {"first.$": f"$.media{salt}.tags[0]"}},
            "ResultPath": "$.shown",
            "Next": f"S{number + 1}",
        }
        machine["States"][f"S{number + 1}"] = {
            "Type": "Choice",
            "Choices": [
                {"Variable": f"$.media{salt}.name", "StringEquals": "no", "Next": "Last"},
                {"Variable": "$.shown.size", "NumericGreaterThan": 5, "Next": f"S{number + 2}"},
            ],
            "Default": "Last",
        }
    machine["States"][f"S{states}"] = {"Type": "Pass", "Next": "Last"}
    machine["States"]["Last"] = {"Type": "Succeed"}
    return machine


def loop(rounds: int) -> Definition:
    """Return a JSONata machine that counts."""
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Add",
        "States": {
            "Add": {"Type": "Pass", "Output": {"n": "{% $states.input.n + 1 %}"}, "Next": "More"},
            "More": {
                "Type": "Choice",
                "Choices": [{"Condition": f"{{% $states.input.n < {rounds} %}}", "Next": "Add"}],
                "Default": "Last",
            },
            "Last": {"Type": "Succeed"},
        },
    }


def mapped() -> Definition:
    """Return an inline Map whose items pass one state."""
    item = {"Type": "Pass", "Parameters": {"n.$": "$.n"}, "End": True}
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Item", "States": {"Item": item}}
    states = {"Map": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": True}}
    return {"StartAt": "Map", "States": states}


def items(count: int) -> Definition:
    """Return the input of the Map."""
    return {"items": [{"n": number} for number in range(count)]}


MEDIA = {"media": {"name": "a.mp4", "size": 9, "tags": ["x", "y"]}}
MACHINES: dict[str, tuple[Definition, Definition, int]] = {
    "JSONPath: Pass and Choice": (chain(STATES), MEDIA, STATES + 2),
    "JSONata: Pass and Choice": (loop(LOOPS), {"n": 0}, 2 * LOOPS + 1),
    f"Map: {ITEMS[0]:,} items": (mapped(), items(ITEMS[0]), ITEMS[0] + 1),
    f"Map: {ITEMS[1]:,} items": (mapped(), items(ITEMS[1]), ITEMS[1] + 1),
}
"""Machines with their inputs and numbers of transitions."""


def ours(definition: Definition, value: Definition, transitions: int) -> Spread:
    """Return our transitions per second."""
    machine, rates = parse_machine(definition), []
    runs = max(1, 10_000 // transitions)
    for _ in range(REPETITIONS + 1):
        begun = time.process_time()
        for _ in range(runs):
            outcome = run_locally(machine, value, {}, SETTINGS)
            if outcome.execution.status != "SUCCEEDED":
                raise SystemExit(f"our machine ends as {outcome.execution.status}")
        rates.append(runs * transitions / (time.process_time() - begun))
    return report.spread(rates[1:])


def theirs(interpreter: str, definition: Definition, value: Definition, transitions: int) -> Spread | None:
    """Return the transitions per second of a peer; None if it fails."""
    task = {"interpreter": interpreter, "definition": definition, "input": value, "runs": PEER_RUNS}
    command = [str(PYTHON_OF_PEERS), str(HERE / "peers" / "state_machines.py"), json.dumps(task)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    seconds = json.loads(done.stdout.splitlines()[-1])["seconds"]
    return report.spread([transitions / each for each in seconds])


def definition_ms() -> float:
    """Return the milliseconds to validate and parse a definition whose expressions are not in a cache."""
    times = []
    for number in range(21):
        text = json.dumps(chain(DEFINITION_STATES - 2, salt=f"{number}"))
        begun = time.process_time()
        verdict = validate(text)
        parse_machine(verdict.definition)
        times.append((time.process_time() - begun) * 1000)
        if not verdict.ok:
            raise SystemExit(f"the definition is invalid: {verdict.findings}")
    return statistics.median(times)


def main() -> None:
    """Measure, print and write the result."""
    rates: dict[str, dict[str, Spread | None]] = {}
    for name, (definition, value, transitions) in MACHINES.items():
        peers = PEERS if transitions <= PEER_ITEMS + 1 else ()
        rates[name] = {"headrace": ours(definition, value, transitions)}
        rates[name] |= {peer: theirs(peer, definition, value, transitions) for peer in peers}
    milliseconds = definition_ms()
    _print(rates, milliseconds)
    measured = {name: {who: rate and asdict(rate) for who, rate in each.items()} for name, each in rates.items()}
    report.write(report.result("machines", measured | {"definition_ms": milliseconds}, ("jsonata-python", "orjson")))
    _judge(rates, milliseconds)


def _print(rates: dict[str, dict[str, Spread | None]], milliseconds: float) -> None:
    table = Table("transitions/s", "headrace", *PEERS, box=None)
    for name, each in rates.items():
        cells = [f"{rate.median:,.0f}" if rate else "-" for rate in (each.get(who) for who in ("headrace", *PEERS))]
        table.add_row(name, *cells)
    Console(width=120).print(table)
    Console(width=120).print(f"validate and parse {DEFINITION_STATES} states: {milliseconds:.2f} ms")


def _judge(rates: dict[str, dict[str, Spread | None]], milliseconds: float) -> None:
    own = {name: each["headrace"].median for name, each in rates.items() if each["headrace"]}
    jsonpath, jsonata, small, large = own.values()
    checks = {
        f"{JSONPATH_A_SECOND:,} transitions/s of JSONPath": jsonpath >= JSONPATH_A_SECOND,
        f"{JSONATA_A_SECOND:,} transitions/s of JSONata": jsonata >= JSONATA_A_SECOND,
        "time per item of a Map does not grow": small / large <= LINEAR,
        f"a definition in {DEFINITION_MS:g} ms": milliseconds <= DEFINITION_MS,
    }
    report.judge(checks)


if __name__ == "__main__":
    main()
