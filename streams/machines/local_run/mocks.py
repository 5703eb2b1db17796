"""Mocked answers of tasks: `{state: [{"Return": value} | {"Throw": {"Error": .., "Cause": ..}}]}`.

Entry n answers the n-th invocation of the state in the run; retries and loops count. `Return` is the raw result,
before ResultSelector. `"DelaySeconds"` beside either lets the virtual clock pass before the answer, so that a timeout
can fire. The answer of a distributed Map with an ItemReader is its items, or a text: the content of the file to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from headrace.streams.machines.json_types import Json


class MockError(ValueError):
    """The mocks are malformed, or have no answer for a task."""


class MockedAnswer(Struct, frozen=True):
    """An answer: a result, or an error if `failed`. `delay` is in seconds of the virtual clock."""

    result: Json = None
    failed: bool = False
    error: str | None = None
    cause: str | None = None
    delay: float = 0


class Mocks:
    """The answers of one run, which are used up in their order."""

    def __init__(self, entries: Json, *, echo: bool = False) -> None:
        """With `echo`, a task of a state without answers returns its input.

        Raises:
        MockError: The entries are malformed.
        """
        self._answers = _parsed(entries)
        self._echo = echo
        self._invocations: Counter[str] = Counter()

    def has(self, state: str) -> bool:
        """Return whether a state has another answer."""
        return self._invocations[state] < len(self._answers.get(state, ()))

    def next(self, state: str, value: Json) -> MockedAnswer:
        """Return the next answer of a state. `value` is the input of the task, which is the result if tasks echo.

        Raises:
            MockError: There is none.
        """
        if self._echo and state not in self._answers:
            return MockedAnswer(result=value)
        number = self._invocations[state] + 1
        answers = self._answers.get(state, [])
        if number > len(answers):
            raise MockError(
                f"the mocks answer {len(answers)} invocations of the state '{state}', and not invocation {number}; "
                f'add {{"Return": ..}} or {{"Throw": {{"Error": .., "Cause": ..}}}} to the list of "{state}"'
            )
        self._invocations[state] = number
        return answers[number - 1]


def _parsed(entries: Json) -> Mapping[str, list[MockedAnswer]]:
    if not isinstance(entries, dict):
        raise MockError("mocks are an object with a list of answers for each state")
    answers = {}
    for state, listed in entries.items():
        if not isinstance(listed, list):
            raise MockError(f"the mocks of the state '{state}' are not a list")
        answers[state] = [_answer(state, number, entry) for number, entry in enumerate(listed, 1)]
    return answers


def _answer(state: str, number: int, entry: Json) -> MockedAnswer:
    if not isinstance(entry, dict) or ("Return" in entry) == ("Throw" in entry):
        raise MockError(f"mock {number} of the state '{state}' needs exactly one of Return and Throw")
    delay = entry.get("DelaySeconds", 0)
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay < 1e9:
        raise MockError(f"DelaySeconds in mock {number} of the state '{state}' is not a number of seconds")
    if "Return" in entry:
        return MockedAnswer(result=entry["Return"], delay=delay)
    error = entry["Throw"]
    if not isinstance(error, dict) or not all(_is_optional_text(error.get(name)) for name in ("Error", "Cause")):
        raise MockError(f"Throw in mock {number} of the state '{state}' needs Error and Cause, which are strings")
    return MockedAnswer(failed=True, error=error.get("Error"), cause=error.get("Cause"), delay=delay)


def _is_optional_text(value: Json) -> bool:
    return value is None or isinstance(value, str)
