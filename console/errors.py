"""What can be expected to go wrong at the keyboard, each in one line that says what to do."""

from __future__ import annotations


class CommandError(Exception):
    """A command cannot do what it was asked to; the message is one line for the person who asked."""
