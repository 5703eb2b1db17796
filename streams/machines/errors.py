"""Errors of state machines: the names that the language reserves, and the exceptions that carry them.

Source: Step Functions Developer Guide, "Handling errors in Step Functions workflows".
"""

from __future__ import annotations

ALL = "States.ALL"
TASK_FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
RUNTIME = "States.Runtime"
QUERY_EVALUATION_ERROR = "States.QueryEvaluationError"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
EXCEED_TOLERATED_FAILURE_THRESHOLD = "States.ExceedToleratedFailureThreshold"
ITEM_READER_FAILED = "States.ItemReaderFailed"
RESULT_WRITER_FAILED = "States.ResultWriterFailed"


class StatesError(Exception):
    """A state fails while it runs: `error` is the name that Retry and Catch match, `cause` describes it.

    `location` is the field whose expression fails, such as `Output/a/b[0]`, if it is known.
    """

    def __init__(self, error: str, cause: str, location: str = "") -> None:
        super().__init__(f"{error}: {cause}" if cause else error)
        self.error = error
        self.cause = cause
        self.location = location


class DefinitionError(ValueError):
    """A definition breaks a rule of the language and cannot run."""
