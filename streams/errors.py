"""The errors that a stage raises.

    StageError
    ├── OutageError      broker, S3 or credentials unavailable: the stage pauses, nothing is dead-lettered
    ├── ThrottledError   a rate or quota is exceeded: retry, does not count as an attempt
    ├── RetryAt          retry at a known time, does not count as an attempt
    ├── TransientError   time-outs, HTTP 5xx, broken connections: retry
    └── PermanentError   this input always fails: dead-letter

    ObjectGone           not an error: the object version was replaced or deleted
    ShadowMatch          not an error: a shadow rule matches the record

Any other exception is a bug, and is dead-lettered as `internal_error`.
`streams.engine.outcome` maps errors to outcomes.
"""

from __future__ import annotations

from typing import assert_never

from headrace.schemas.delivery import FailureKind


class StageError(Exception):
    """A stage failed. `code` is a stable identifier, `why` a description."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class OutageError(StageError):
    """A dependency that every record needs is unavailable."""

    def __init__(self, why: str) -> None:
        super().__init__("outage", why)


class ThrottledError(StageError):
    """A service throttles calls."""

    def __init__(self, why: str, code: str = "throttled") -> None:
        super().__init__(code, why)


class RetryAt(StageError):
    """Retry this record in `after` seconds. Does not count as an attempt."""

    def __init__(self, why: str, after: float, code: str = "not_yet") -> None:
        super().__init__(code, why)
        self.after = after


class TransientError(StageError):
    """An attempt failed; another one may succeed."""

    def __init__(self, why: str, code: str = "transient") -> None:
        super().__init__(code, why)


class PermanentError(StageError):
    """Every attempt with this input would fail."""


def error_of_kind(kind: FailureKind, code: str, why: str, after: float = 0.0) -> StageError:
    """Return the error for a kind of failure of a service or sink; a throttled call may retry after `after` seconds."""
    match kind:
        case "outage":
            return OutageError(why)
        case "throttled":
            return RetryAt(why, after) if after else ThrottledError(why, code)
        case "transient":
            return TransientError(why, code)
        case "permanent":
            return PermanentError(code, why)
        case _:
            assert_never(kind)


class ObjectGone(Exception):
    """The object version was replaced or deleted."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class ShadowMatch(Exception):
    """A shadow rule matches the record: it is counted, and nothing is delivered."""
