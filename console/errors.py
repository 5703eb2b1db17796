"""The error of commands."""

from __future__ import annotations


class CommandError(Exception):
    """A command failed in an expected way; the message is one line for the operator."""


class UnavailableError(CommandError):
    """A database does not answer, or has no views yet. The same command may succeed later."""
