"""`headrace version`."""

from __future__ import annotations

from importlib.metadata import version as installed

from headrace.console.terminal.output import print_line


def version() -> None:
    """Print the version."""
    print_line(f"headrace {installed('headrace')}")
