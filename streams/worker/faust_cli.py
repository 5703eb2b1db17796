"""Stages for Faust's own command line: `faust -A headrace.streams.worker.faust_cli:labels worker`. Built on demand."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Build the Faust app of the stage of that name; underscores stand for hyphens."""
    from headrace.streams.solo import create

    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return create(name.replace("_", "-"))
    except ValueError as error:
        raise AttributeError(str(error)) from error
