"""Validate definitions, with the codes, locations and messages of the AWS API ValidateStateMachineDefinition.

The checks work on the JSON and not on the compiled definition, so that all findings are reported at once.
"""

from __future__ import annotations

from typing import Literal

from headrace.streams.machines.validation.document import read_document
from headrace.streams.machines.validation.findings import Finding, Report, Verdict
from headrace.streams.machines.validation.machine import check_machine
from headrace.streams.machines.validation.node import Node, Setting

__all__ = ["Finding", "MachineType", "Verdict", "validate"]

MachineType = Literal["STANDARD", "EXPRESS"]


def validate(text: str, machine_type: MachineType = "STANDARD") -> Verdict:
    """Validate the JSON text of a definition. Never raises: each problem is a finding of the verdict."""
    report = Report()
    definition = read_document(text, report)
    if definition is not None:
        check_machine(Node(definition, "/", Setting("JSONPath", machine_type == "EXPRESS", report)))
    return Verdict(tuple(report.findings), report.full, definition)
