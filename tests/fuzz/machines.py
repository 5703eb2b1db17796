"""Fuzz the validator and the core of state machines: `python -m tests.fuzz.machines`, or `make fuzz`.

A case is a random machine, changed at random in most cases, and random stimuli for it. Exit code 1 at the first case
that raises, that the validator accepts and the parser refuses, or whose execution ends with open work.
"""

from __future__ import annotations

import copy
import json
import random
import time
import traceback
from collections import Counter
from typing import Annotated, Any

import typer

from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.execution.record import Execution
from headrace.streams.machines.validation import validate
from headrace.streams.machines.validation.choices import OPERATORS
from headrace.streams.machines.validation.states import SCHEMAS
from tests.unit.streams.machines.execution.random_machines import MachineMaker, RandomRun

FIELDS = sorted({name for table in SCHEMAS.values() for name in table.fields} | OPERATORS | {"Variable", "Condition"})
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.5, 10**18, "", "A", "S1", "S2", "JSONata", "JSONPath", "ERROR", [], {}),
    *("$", "$.r", "$.r.x[0]", "$.items[*]", "$$.Map.Item.Value", "$$.State.RetryCount", "$v", "$.nope"),
    *("States.UUID()", "States.MathAdd($.r, 1)", "States.ArrayRange(0, 9, 0)", "2026-01-01T00:00:00Z"),
    *("{% $states.input %}", "{% $states.input.r.x %}", "{% 1 = 1 %}", "{% $map([1..3], $string) %}", "{% nope( %}"),
    *({"a.$": "$.r"}, {"a.$": "States.Format('{}', $)"}, {"a": "{% $v %}"}, [{"b.$": "$$.Execution.Input"}]),
    *([{"ErrorEquals": ["States.ALL"], "Next": "S1"}], [{"ErrorEquals": ["A"], "MaxAttempts": 2, "BackoffRate": 1.5}]),
    *([{"Variable": "$.r", "IsNull": True, "Next": "S1"}], [{"Condition": "{% $exists($v) %}", "Next": "S1"}]),
)


def fuzz(first: int, count: int) -> Counter[str]:
    """Run cases with consecutive seeds, and count how they end."""
    return Counter(outcome_of(seed) for seed in range(first, first + count))


def outcome_of(seed: int) -> str:
    """Run one case, and return how it ends: refused, or the status of the execution.

    The core also runs definitions with findings that do not stop the parser, such as unreachable states.

    Raises:
        AssertionError: The parser refuses what the validator accepts, or the execution ends with open work.
    """
    draw = random.Random(seed)
    definition = MachineMaker(draw).machine()
    for _ in range(draw.choice([0, 1, 1, 2, 4])):
        definition = changed(definition, draw)
    verdict = validate(json.dumps(definition))
    verdict.as_json()
    try:
        parse_machine(definition)
    except DefinitionError:
        assert not verdict.ok
        return "refused"
    final = RandomRun(seed, definition).executions[-1]
    check(final)
    return final.status


def changed(definition: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Return a copy of a definition in which one value is replaced, added or removed."""
    result = copy.deepcopy(definition)
    places = _places(result)
    if not places:
        return result
    container, key = draw.choice(places)
    kind = draw.random()
    if kind < 0.5:
        container[key] = draw.choice(VALUES)
    elif kind < 0.6:
        del container[key]
    else:
        states = [each for each, _ in places if isinstance(each, dict) and "Type" in each]
        draw.choice(states or [result])[draw.choice(FIELDS)] = draw.choice(VALUES)
    return result


def _places(definition: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Return each member and element, with what contains it."""
    places: list[tuple[Any, Any]] = []
    pending: list[Any] = [definition]
    while pending:
        container = pending.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        places += [(container, key) for key in keys]
        pending += [container[key] for key in keys if isinstance(container[key], dict | list)]
    return places


def check(final: Execution) -> None:
    """Check that an execution is within its bounds, and that an ended one waits for nothing.

    Raises:
        AssertionError: It is not.
    """
    running = [branch for branch in final.branches.values() if branch.status == "running"]
    assert final.last_event <= (final.limits.events or 0)
    if final.status == "SUCCEEDED":
        assert final.branches.keys() == {0}
    else:
        assert all(branch.work is not None and final.status == "RUNNING" for branch in running)


def main(
    cases: Annotated[int, typer.Option(help="Number of cases.")] = 100_000,
    seed: Annotated[int, typer.Option(help="First seed; 0 chooses one.")] = 0,
    seconds: Annotated[float, typer.Option(help="Stop after this time.")] = 86_400.0,
) -> None:
    """Run the cases and print how they end."""
    first = seed or random.SystemRandom().randrange(1, 1 << 40)
    counts, deadline = Counter[str](), time.monotonic() + seconds
    for current in range(first, first + cases):
        if time.monotonic() > deadline:
            break
        try:
            counts[outcome_of(current)] += 1
        except Exception:
            traceback.print_exc()
            raise SystemExit(f"failed: python -m tests.fuzz.machines --cases 1 --seed {current}") from None
    listed = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(counts.items()))
    print(f"state machines from seed {first}: {counts.total():,} cases: {listed}")


if __name__ == "__main__":
    typer.run(main)
