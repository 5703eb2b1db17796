"""The generated parts of docs/aws-fidelity.md."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.contract.fidelity.catalogue import all_scenarios
from tests.contract.fidelity.differences import known, without_scenario
from tests.contract.fidelity.operations import used_operations
from tests.contract.fidelity.recordings import files, recorded_tests

ROOT = Path(__file__).parents[2]
_MOTO_LACKS = re.compile(r'^@pytest\.mark\.moto_lacks\("([^"]+)"\)\n(?:@.*\n)*(?:async )?def (\w+)', re.MULTILINE)


def compared() -> str:
    """Return the number of compared and of equal answers of each operation and event."""
    total: Counter[str] = Counter()
    different: Counter[str] = Counter()
    for scenario in all_scenarios():
        for operation in scenario.operations:
            total[operation] += len(scenario.answers)
            different[operation] += len(known().differences.get(scenario.name, {}))
    lines = (f"{name} | {total[name]} | {total[name] - different[name]}" for name in sorted(total))
    return _lines(("Operation or event | Compared answers | Equal answers", "--- | --- | ---", *lines))


def differing() -> str:
    """Return the differences by reason."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for scenario, answers in known().differences.items():
        for answer, found in answers.items():
            for difference, reason in found.items():
                by_reason[reason].append(f"- {_code(scenario)}, {_code(answer)}: {_code(difference)}")
    return _lines(line for reason, text in known().reasons.items() for line in (text, "", *by_reason[reason], ""))


def not_compared() -> str:
    """Return the recorded tests without a scenario, by reason."""
    counts: Counter[str] = Counter(entry.reason for entry in without_scenario(all_scenarios()).values() if entry)
    silent = sum(not answers for file in files() for answers in recorded_tests(file).values())
    rows = [*counts.items(), ("The recording has no answer.", silent)]
    return _lines(("Reason | Recorded tests", "--- | ---", *(f"{reason} | {count}" for reason, count in rows)))


def never_tried() -> str:
    """Return the operations that Headrace calls and that no compared recording covers, by service."""
    covered = {operation for scenario in all_scenarios() for operation in scenario.operations}
    by_service: dict[str, list[str]] = defaultdict(list)
    for operation in sorted(used_operations() - covered):
        service, name = operation.split(":")
        by_service[service].append(name)
    return _lines(_service_lines(by_service))


def skipped_on_moto() -> str:
    """Return the tests that are skipped on moto, with their reasons."""
    rows = [
        f"[`{test}`](../{file.relative_to(ROOT)}) | {reason}"
        for folder in ("system", "contract")
        for file in sorted((ROOT / "tests" / folder).glob("test_*.py"))
        for reason, test in _MOTO_LACKS.findall(file.read_text("utf-8"))
    ]
    return _lines(("Test | What moto lacks", "--- | ---", *rows))


def _service_lines(by_service: dict[str, list[str]]) -> Iterator[str]:
    yield "Service | Operations"
    yield "--- | ---"
    for service, names in sorted(by_service.items()):
        yield f"{service} | {', '.join(names)}"


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
