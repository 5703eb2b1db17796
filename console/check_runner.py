"""Run checks one after the other, and report the result of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from headrace.console.explain import describe


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check. `ok` is None if nothing was checked. `remedy` says how to fix a failure."""

    part: str
    ok: bool | None
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """The check of one part. `run` returns a message or raises. It is skipped unless the check `needs` succeeded."""

    part: str
    run: Callable[[], str]
    remedy: str
    needs: str = ""


class Skipped(Exception):
    """The part is optional, or not running."""


def run_checks(checks: Iterable[DoctorCheck]) -> Iterator[CheckResult]:
    """Run all checks, and yield each result."""
    passed: set[str] = set()
    for check in checks:
        if check.needs and check.needs not in passed:
            yield CheckResult(check.part, None, f"not checked: needs {check.needs}")
            continue
        try:
            message = check.run()
        except Skipped as skipped:
            yield CheckResult(check.part, None, str(skipped))
        except Exception as error:  # any error of a check is a failed check
            yield CheckResult(check.part, False, describe(error) or f"{type(error).__name__}: {error}", check.remedy)
        else:
            passed.add(check.part)
            yield CheckResult(check.part, True, message)
