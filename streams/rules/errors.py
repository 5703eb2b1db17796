"""Errors of the pattern language."""

from __future__ import annotations


class InvalidPatternError(ValueError):
    """A pattern breaks a rule of the language: `path` is the field, `why` the rule."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}" if path else why)
        self.path = path
        self.why = why
