"""Definitions on the log: machines, versions and aliases."""

from __future__ import annotations

import pytest

from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.streams.executions.arns import child_arn, execution_arn, parse_reference
from headrace.streams.executions.definitions import (
    AliasRecord,
    AliasRoute,
    DefinitionTable,
    MachineRecord,
    UnknownMachineError,
    VersionRecord,
    definition_record,
    removal_record,
    revision_of,
    revision_record,
)
from headrace.streams.machines.errors import DefinitionError

ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:m"
DEFINITION = b'{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}'
REVISION = revision_of(DEFINITION)


def table(*records: ProducerRecord) -> DefinitionTable:
    definitions = DefinitionTable()
    for record in records:
        definitions.take(ConsumerRecord(record.topic, 0, 0, 0.0, record.key, record.value))
    return definitions


MACHINE = definition_record(MachineRecord(name="m", arn=ARN, revision=REVISION))
VERSIONS = tuple(definition_record(VersionRecord(name="m", number=n, revision=f"r{n}")) for n in (1, 2))
ALIAS = definition_record(AliasRecord(name="m", alias="live", routes=(AliasRoute(1, 90), AliasRoute(2, 10))))


@pytest.mark.parametrize(
    ("reference", "draw", "expected"),
    [
        ("m", 0.0, (REVISION, None, None)),
        (ARN, 0.0, (REVISION, None, None)),
        ("m:2", 0.0, ("r2", 2, None)),
        (f"{ARN}:1", 0.0, ("r1", 1, None)),
        ("m:live", 0.89, ("r1", 1, "live")),
        (f"{ARN}:live", 0.91, ("r2", 2, "live")),
    ],
)
def test_reference_resolves_to_a_revision(reference: str, draw: float, expected: tuple[str, int, str]) -> None:
    assert table(MACHINE, *VERSIONS, ALIAS).resolve(reference, draw)[1:] == expected


@pytest.mark.parametrize("reference", ["other", "m:3", "m:dev"])
def test_unknown_reference_names_what_is_missing(reference: str) -> None:
    with pytest.raises(UnknownMachineError, match=r"other|version or alias"):
        table(MACHINE, *VERSIONS, ALIAS).resolve(reference)


def test_removed_machine_is_unknown() -> None:
    with pytest.raises(UnknownMachineError):
        table(MACHINE, removal_record("machine/m")).resolve("m")


def test_definition_is_compiled_once() -> None:
    definitions = table(revision_record(DEFINITION))
    assert definitions.compiled(REVISION) is definitions.compiled(REVISION)
    with pytest.raises(UnknownMachineError):
        definitions.compiled("0" * 64)
    with pytest.raises(DefinitionError):
        table(revision_record(b"[")).compiled(revision_of(b"["))


def test_arns() -> None:
    assert execution_arn(ARN, "e") == "arn:aws:states:eu-central-1:123456789012:execution:m:e"
    with pytest.raises(ValueError, match="is not the ARN"):
        execution_arn("m", "e")
    assert parse_reference("m:live") == ("m", "live")
    parent = execution_arn(ARN, "e")
    assert child_arn(parent, "arn:aws:states:eu-central-1:123456789012:mapRun:m/Each:1", "0").startswith(
        "arn:aws:states:eu-central-1:123456789012:execution:m/Each:"
    )
