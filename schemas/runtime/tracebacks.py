"""Format exceptions for logs and terminals: stack frames in lines of their own, each message in one safe line."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from headrace.schemas.safe_text import safe_text

LONGEST_CHAIN = 20
"""Exceptions of a chain or group that are shown."""
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


def format_exception(error: BaseException) -> str:
    """Format an exception with its causes, as Python does. Messages are external text: redacted and escaped."""
    return "\n".join(_chain(error))


def _chain(error: BaseException) -> Iterator[str]:
    chain = [error]
    while len(chain) < LONGEST_CHAIN and (before := _earlier(chain[-1])) is not None and before not in chain:
        chain.append(before)
    for each in reversed(chain):
        yield from _one(each)
        if each is not error:
            later = chain[chain.index(each) - 1]
            yield from ("", _CAUSE if later.__cause__ is each else _CONTEXT, "")


def _earlier(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _one(error: BaseException) -> Iterator[str]:
    yield "Traceback (most recent call last):"
    for frame in traceback.format_tb(error.__traceback__):
        yield from frame.rstrip("\n").split("\n")
    yield safe_text("".join(traceback.format_exception_only(error)).rstrip("\n"))
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions[:LONGEST_CHAIN]:
            yield from (f"  | {line}" for line in _one(each))
