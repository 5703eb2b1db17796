"""The filter of dead letters in addresses and forms. Its names are those of `headrace dlq list`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from headrace.console.dlq.letter import LetterFilter
from headrace.console.errors import CommandError
from headrace.console.terminal.timespec import parse_time
from headrace.console.web.request import FormData
from headrace.schemas.parsing import InvalidValueError, parse_int

SIZES = (50, 200, 1000)
"""Numbers of dead letters of a page."""


@dataclass(frozen=True, slots=True)
class LetterQuery:
    """What the page of dead letters shows. Empty fields do not filter."""

    stage: str = ""
    code: str = ""
    key: str = ""
    since: str = ""
    until: str = ""
    text: str = ""
    resolved: str = ""
    limit: str = ""

    def given(self) -> dict[str, Any]:
        """Return the filters that are set."""
        return {name: value for name, value in asdict(self).items() if value}

    def criteria(self) -> dict[str, Any]:
        """Return the filters that a redrive has too."""
        return {name: value for name, value in self.given().items() if name not in ("resolved", "limit")}

    def letter_filter(self, now: float) -> LetterFilter:
        """Return the filter. Raises `CommandError` for an invalid value."""
        first, last = (parse_time(text, now) if text else None for text in (self.since, self.until))
        stage, code, key, text = (each or None for each in (self.stage, self.code, self.key, self.text))
        return LetterFilter(stage, code, key, first, last, text, self.size())

    def size(self) -> int:
        """Return the maximum number of dead letters on the page. Raises `CommandError` for an invalid one."""
        try:
            return parse_int(self.limit, 1, SIZES[-1]) if self.limit else SIZES[0]
        except InvalidValueError as error:
            raise CommandError(f"the limit is {error}: a number from 1 to {SIZES[-1]}") from None

    def larger(self) -> int | None:
        """Return the next larger size of the page; None for the largest."""
        return next((size for size in SIZES if size > self.size()), None)


def from_parameters(parameters: FormData) -> LetterQuery:
    """Read a query from the parameters of an address; unknown ones are ignored."""
    values: Mapping[str, str] = {each.name: parameters.get(each.name, "").strip() for each in fields(LetterQuery)}
    return LetterQuery(**values)
