"""The options that select dead letters, for every command that has them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from headrace.console.dlq.letter import LetterFilter


def filter_options(
    stage: Annotated[str | None, typer.Option(help="Stage; `bridge` for messages from AWS.")] = None,
    code: Annotated[str | None, typer.Option(help="Error code.")] = None,
    key: Annotated[str | None, typer.Option(help="Asset key; may be a glob.")] = None,
    since: Annotated[str | None, typer.Option(help="Failed at or after: 2026-03-14T15:09, or -2h.")] = None,
    until: Annotated[str | None, typer.Option(help="Failed at or before.")] = None,
    text: Annotated[str | None, typer.Option(help="Text in the reason or the exception class.")] = None,
) -> LetterFilter:
    """Build the filter from the options.

    Raises:
        CommandError: `since` or `until` is no time.
    """
    import time

    from headrace.console.dlq.letter import LetterFilter
    from headrace.console.terminal.timespec import parse_time

    now = time.time()
    first, last = (None if value is None else parse_time(value, now) for value in (since, until))
    return LetterFilter(stage, code, key, first, last, text)


def with_filter(command: Callable[..., None]) -> Callable[..., None]:
    """Add the filter options to a command, which takes the filter as its parameter `query`."""
    names = inspect.signature(filter_options).parameters

    @wraps(command)
    def run(**values: Any) -> None:
        command(query=filter_options(**{name: values.pop(name) for name in names}), **values)

    run.__signature__ = inspect.Signature([*_parameters(filter_options), *_parameters(command)])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
    return run


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """List the parameters as keywords with resolved annotations, without `query`."""
    parameters = [each for each in inspect.signature(function).parameters.values() if each.name != "query"]
    names = {**function.__globals__, "LetterFilter": Any}
    hints = get_type_hints(function, names, include_extras=True)
    return [each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
