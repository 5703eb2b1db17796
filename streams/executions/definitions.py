"""The definitions of state machines on `machines.definitions`, a compacted topic.

machine/NAME         the machine and its current revision
revision/SHA256      a definition, as it was deployed
version/NAME/N       a published version
alias/NAME/ALIAS     one or two versions with weights
activity/NAME        an activity
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.parsing import parse_int
from headrace.schemas.topics import MACHINE_DEFINITIONS
from headrace.streams.executions.arns import parse_reference
from headrace.streams.executions.json_codec import decode_json, encode_json
from headrace.streams.machines.definition.model import Machine
from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.validation.document import read_document
from headrace.streams.machines.validation.findings import Report

_NUMBER = re.compile(r"[0-9]{1,9}")
PARSED = 500
"""Compiled definitions that are kept."""


class UnknownMachineError(LookupError):
    """No machine, version, alias or definition has this name."""


class MachineRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A state machine. Times are RFC 3339; `extra` holds fields of the AWS API that the engine does not read."""

    name: str
    arn: str
    revision: str
    role_arn: str = ""
    type: str = "STANDARD"
    created_at: str = ""
    updated_at: str = ""
    description: str = ""
    tags: Mapping[str, str] = {}
    extra: Mapping[str, Any] = {}


class VersionRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A published version of a machine."""

    name: str
    number: int
    revision: str
    description: str = ""
    created_at: str = ""


class AliasRoute(Struct, frozen=True):
    """A version that an alias starts, and its share in percent."""

    version: int
    weight: int


class AliasRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A name for one or two versions of a machine."""

    name: str
    alias: str
    routes: tuple[AliasRoute, ...]
    description: str = ""
    created_at: str = ""
    updated_at: str = ""


class ActivityRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An activity: a kind of task that workers of a user poll for."""

    name: str
    arn: str
    created_at: str = ""
    tags: Mapping[str, str] = {}


class ResolvedMachine(NamedTuple):
    """A machine with the revision that a start runs."""

    machine: MachineRecord
    revision: str
    version: int | None = None
    alias: str | None = None


DefinitionRecord = MachineRecord | VersionRecord | AliasRecord | ActivityRecord


def definition_record(content: DefinitionRecord) -> ProducerRecord:
    """Return the record of a machine, a version or an alias."""
    return ProducerRecord(MACHINE_DEFINITIONS.name, key_of_definition(content).encode(), encode_json(content))


def revision_record(definition: bytes) -> ProducerRecord:
    """Return the record of a definition."""
    return ProducerRecord(MACHINE_DEFINITIONS.name, f"revision/{revision_of(definition)}".encode(), definition)


def removal_record(key: str) -> ProducerRecord:
    """Return the record that removes a machine, a version or an alias by its key."""
    return ProducerRecord(MACHINE_DEFINITIONS.name, key.encode(), None)


def revision_of(definition: bytes) -> str:
    """Return the revision of a definition: the SHA-256 of its bytes."""
    return sha256(definition).hexdigest()


def key_of_definition(content: DefinitionRecord) -> str:
    """Return the key of a machine, a version or an alias."""
    if isinstance(content, MachineRecord):
        return f"machine/{content.name}"
    if isinstance(content, ActivityRecord):
        return f"activity/{content.name}"
    if isinstance(content, VersionRecord):
        return f"version/{content.name}/{content.number}"
    return f"alias/{content.name}/{content.alias}"


class DefinitionTable:
    """The fold of `machines.definitions`. Thread-safe: a follower takes records in its own thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contents: dict[str, bytes] = {}
        self._parsed: OrderedDict[str, Machine] = OrderedDict()

    def take(self, record: ConsumerRecord) -> None:
        """Apply a record of the topic."""
        key = (record.key or b"").decode(errors="replace")
        with self._lock:
            if record.value is None:
                self._contents.pop(key, None)
            else:
                self._contents[key] = record.value

    def keys(self, prefix: str) -> list[str]:
        """Return the keys with a prefix, such as `machine/` or `version/NAME/`."""
        with self._lock:
            return sorted(key for key in self._contents if key.startswith(prefix))

    def machine_record(self, name: str) -> MachineRecord | None:
        """Return a machine; None if there is none of this name."""
        record: MachineRecord | None = self._read(f"machine/{name}", MachineRecord)
        return record

    def version(self, name: str, number: int) -> VersionRecord | None:
        """Return a version; None if it does not exist."""
        record: VersionRecord | None = self._read(f"version/{name}/{number}", VersionRecord)
        return record

    def alias(self, name: str, alias: str) -> AliasRecord | None:
        """Return an alias; None if it does not exist."""
        record: AliasRecord | None = self._read(f"alias/{name}/{alias}", AliasRecord)
        return record

    def activity(self, name: str) -> ActivityRecord | None:
        """Return an activity; None if it does not exist."""
        record: ActivityRecord | None = self._read(f"activity/{name}", ActivityRecord)
        return record

    def definition(self, revision: str) -> bytes | None:
        """Return the bytes of a definition; None if it is unknown."""
        with self._lock:
            return self._contents.get(f"revision/{revision}")

    def compiled(self, revision: str) -> Machine:
        """Return a compiled definition.

        Raises:
            UnknownMachineError: The definition is not on the topic.
            DefinitionError: The definition cannot run.
        """
        machine = self._parsed.get(revision)
        if machine is None:
            content = self.definition(revision)
            if content is None:
                raise UnknownMachineError(f"the definition {revision} is not on {MACHINE_DEFINITIONS.name}")
            machine = self._parsed[revision] = parse_machine(_document(content))
            if len(self._parsed) > PARSED:
                self._parsed.popitem(last=False)
        return machine

    def resolve(self, reference: str, draw: float = 0.0) -> ResolvedMachine:
        """Return what `NAME`, `NAME:VERSION` or `NAME:ALIAS` starts; `draw`, from 0 to 1, chooses a route of an alias.

        Raises:
            UnknownMachineError: There is no such machine, version or alias.
        """
        name, qualifier = parse_reference(reference)
        machine = self.machine_record(name)
        if machine is None:
            raise UnknownMachineError(f'no state machine {name}; "headrace machine list" lists them')
        if not qualifier:
            return ResolvedMachine(machine, machine.revision)
        number = parse_int(qualifier.encode()) if _NUMBER.fullmatch(qualifier) else None
        alias = self.alias(name, qualifier) if number is None else None
        if alias is not None:
            number = _route(alias, draw)
        version = self.version(name, number) if number is not None else None
        if version is None:
            raise UnknownMachineError(f"the state machine {name} has no version or alias {qualifier}")
        return ResolvedMachine(machine, version.revision, version.number, alias.alias if alias else None)

    def _read(self, key: str, kind: Any) -> Any:
        with self._lock:
            content = self._contents.get(key)
        try:
            return None if content is None else decode_json(content, kind)
        except msgspec.DecodeError:  # written by another version or by hand: it cannot be used
            return None


def _route(alias: AliasRecord, draw: float) -> int:
    point = draw * sum(route.weight for route in alias.routes)
    for route in alias.routes[:-1]:
        if point < route.weight:
            return route.version
        point -= route.weight
    return alias.routes[-1].version


def _document(content: bytes) -> dict[str, Any]:
    report = Report()
    document = read_document(content.decode(errors="replace"), report)
    if document is None:
        raise DefinitionError("; ".join(finding.message for finding in report.findings))
    return document
