"""Everything that can go wrong in a stage, drawn once.

    Failure
    ├── Outage           broker, S3, credentials: not this record's fault; the stage waits, nothing is dead-lettered
    ├── Throttled        over a rate or a quota: wait, which costs no attempt
    ├── NotYet           to be looked at again at a known time, which costs no attempt
    ├── Transient        worth trying again: time-outs, 5xx, connections that broke
    └── Unprocessable    this input can never work, however often it is tried

    Gone                 no failure: the object version was replaced or deleted, so there is nothing left to do

Any other exception is a bug, and is dead-lettered as `internal_error`. Exceptions state facts;
`streams.engine.outcome` has the policy.
"""

from __future__ import annotations


class StageError(Exception):
    """A stage could not do its work. `code` is a short stable word, `why` is for people."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class OutageError(StageError):
    """Something that every record needs is not there."""

    def __init__(self, why: str) -> None:
        super().__init__("outage", why)


class ThrottledError(StageError):
    """A service asks for fewer calls, or all of its slots are taken."""

    def __init__(self, why: str, code: str = "throttled") -> None:
        super().__init__(code, why)


class RetryAt(StageError):
    """There is nothing to be done before so many seconds have passed."""

    def __init__(self, why: str, after: float) -> None:
        super().__init__("not_yet", why)
        self.after = after


class TransientError(StageError):
    """It did not work this time."""

    def __init__(self, why: str, code: str = "transient") -> None:
        super().__init__(code, why)


class PermanentError(StageError):
    """It can never work with this input."""


class ObjectGone(Exception):
    """The object version is no longer there."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
