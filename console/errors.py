"""The error of commands."""

from __future__ import annotations


class CommandError(Exception):
    """A command failed in an expected way; the message is one line for the operator."""
