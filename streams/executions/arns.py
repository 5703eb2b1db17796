"""ARNs of state machines and executions."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import NamedTuple

MACHINE = re.compile(
    r"(?P<prefix>arn:[a-z-]+:states:[a-z0-9-]*:[0-9]*):stateMachine:(?P<name>[^:/]{1,80})(?::(?P<qualifier>[^:/]{1,80}))?"
)


class MachineReference(NamedTuple):
    """The name of a machine, and the number or alias of a version; empty without one."""

    name: str
    qualifier: str = ""


def parse_reference(text: str) -> MachineReference:
    """Return the machine that `NAME`, `NAME:VERSION`, `NAME:ALIAS` or one of these as ARN names."""
    match = MACHINE.fullmatch(text)
    if match is not None:
        return MachineReference(match["name"], match["qualifier"] or "")
    name, _, qualifier = text.partition(":")
    return MachineReference(name, qualifier)


def execution_arn(machine_arn: str, name: str) -> str:
    """Return the ARN of an execution of a machine.

    Raises:
        ValueError: The text is not the ARN of a machine.
    """
    match = MACHINE.fullmatch(machine_arn)
    if match is None:
        raise ValueError(f"{machine_arn} is not the ARN of a state machine")
    return f"{match['prefix']}:execution:{match['name']}:{name}"


def child_arn(parent: str, map_run: str, index: str) -> str:
    """Return the ARN of a child execution. It is the same when its Map Run is redriven."""
    prefix, _, rest = parent.partition(":execution:")
    digest = sha256(f"{parent}\n{map_run}\n{index}".encode("utf-8", "surrogatepass")).hexdigest()
    name = f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
    machine = rest.partition(":")[0].partition("/")[0]
    label = map_run.rpartition("/")[2].partition(":")[0] or "Map"
    return f"{prefix}:execution:{machine}/{label}:{name}"
