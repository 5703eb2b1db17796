"""What can be wrong with a pattern."""

from __future__ import annotations


class InvalidPatternError(ValueError):
    """The pattern breaks a rule of the language. `path` says where, `why` says which."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}" if path else why)
        self.path = path
        self.why = why
