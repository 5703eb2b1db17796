"""ARNs of state machines, executions, activities and runs of distributed Maps.

arn:aws:states:REGION:ACCOUNT:stateMachine:NAME[:VERSION|:ALIAS]
arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME
arn:aws:states:REGION:ACCOUNT:mapRun:MACHINE/LABEL:ID
arn:aws:states:REGION:ACCOUNT:activity:NAME
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from headrace.console.machines.errors import MachineServiceError

LONGEST_NAME = 80
_PARTS = 6
_FORBIDDEN_IN_NAMES = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class ArnFactory:
    """Builds the ARNs of one region and account."""

    region: str
    account: str

    def machine(self, name: str) -> str:
        """Return the ARN of a state machine."""
        return self._arn("stateMachine", name)

    def activity(self, name: str) -> str:
        """Return the ARN of an activity."""
        return self._arn("activity", name)

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:states:{self.region}:{self.account}:{kind}:{name}"


@dataclass(frozen=True, slots=True)
class ParsedArn:
    """An ARN of Step Functions. `names` are its parts after the kind."""

    text: str
    kind: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the machine or activity."""
        return self.names[0]

    @property
    def qualifier(self) -> str:
        """The version or alias; empty without one."""
        return self.names[1] if len(self.names) > 1 else ""

    @property
    def unqualified(self) -> str:
        """The ARN without version and alias."""
        return self.text.removesuffix(f":{self.qualifier}") if self.qualifier else self.text


def parse(text: str, *kinds: str) -> ParsedArn:
    """Return the parts of an ARN of one of some kinds.

    Raises:
        MachineServiceError: It is no ARN, or one of another kind.
    """
    parts = text.split(":")
    if parts[0] != "arn" or len(parts) < _PARTS + 1:
        raise MachineServiceError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {text}'")
    kind, names = parts[_PARTS - 1], tuple(parts[_PARTS:])
    if parts[2] != "states" or kind not in kinds:
        shown = kind if parts[2] == "states" else parts[2]
        raise MachineServiceError("InvalidArn", f"Invalid Arn: 'Resource type not valid in this context: {shown}'")
    if not all(names):
        raise MachineServiceError("InvalidArn", f"Invalid Arn: 'Invalid ARN resource: {text}'")
    return ParsedArn(text, kind, names)


def check_name(name: str) -> None:
    """Check a name as AWS does.

    Raises:
        MachineServiceError: It is empty, too long, or has a character that names cannot have.
    """
    if not 0 < len(name) <= LONGEST_NAME or _FORBIDDEN_IN_NAMES.search(name):
        raise MachineServiceError("InvalidName", f"Invalid Name: '{name}'")
