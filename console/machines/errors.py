"""Errors of the services, with the codes and messages of AWS Step Functions."""

from __future__ import annotations

from headrace.console.errors import CommandError


class MachineServiceError(CommandError):
    """A request is refused. `code` is the name of AWS's exception, `fields` its members besides the message."""

    def __init__(self, code: str, message: str, **fields: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields


class MachineTopicsMissingError(CommandError):
    """Kafka lacks the topics of state machines: the stages of state machines have never been switched on."""


def machine_missing(arn: str) -> MachineServiceError:
    """Return the error for a state machine that does not exist."""
    return MachineServiceError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def execution_missing(arn: str) -> MachineServiceError:
    """Return the error for an execution that does not exist."""
    return MachineServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def resource_missing(arn: str) -> MachineServiceError:
    """Return the error for a resource of another kind that does not exist."""
    return MachineServiceError("ResourceNotFound", f"Resource not found: '{arn}'", resourceName=arn)


def invalid(message: str, reason: str = "") -> MachineServiceError:
    """Return the error for parameters that exclude each other, or do not fit what exists."""
    return MachineServiceError("ValidationException", message, **({"reason": reason} if reason else {}))
