"""What one version stores and sends, the previous one and the next one read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import stored_formats
from tests.support.format_changes import changes
from tests.support.previous_version import DATA, previous_version, read_previous

RECORDED: dict[str, Any] = json.loads((DATA / "formats.json").read_text())


def test_formats_of_the_previous_version_still_hold() -> None:
    """A change listed here needs a switch that operators set after the upgrade, see docs/upgrading.md."""
    assert changes(RECORDED, stored_formats.stored_formats()) == sorted(read_previous().accepted)


def test_recorded_formats_are_those_of_the_previous_version() -> None:
    assert json.loads(previous_version().program(stored_formats.FILE)) == RECORDED


def test_equal_formats_have_no_changes() -> None:
    assert changes(RECORDED, RECORDED) == []


def renamed(values: dict[str, Any], name: str) -> None:
    values[f"{name}-2"] = values.pop(name)


OPTIONAL = {"type": "str", "required": False}
BREAKING: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "removed field": (lambda at: at["structs"]["StoredResult"]["fields"].pop("cause"), "StoredResult.cause"),
    "other type": (lambda at: at["structs"]["Account"]["fields"]["time"].update(type="str"), "Account.time"),
    "required field": (
        lambda at: at["structs"]["JobIntent"]["fields"].update(more={"type": "str", "required": True}),
        "JobIntent.more is required",
    ),
    "field that a rewrite drops": (
        lambda at: at["structs"]["Execution"]["fields"].update(more=OPTIONAL),
        "Execution.more is new",
    ),
    "field in a struct that a rewrite drops": (
        lambda at: at["structs"]["DatasetWork"]["fields"].update(more=OPTIONAL),
        "DatasetWork.more is new",
    ),
    "other tag": (lambda at: at["structs"]["SlotClaim"].update(tag="c"), "SlotClaim is missing, or has another tag"),
    "header": (lambda at: at["headers"]["record"].remove("ce_subject"), "ce_subject of a record"),
    "retry header": (lambda at: at["headers"]["retry"].remove("retry-offset"), "retry-offset of a retry"),
    "topic": (lambda at: renamed(at["topics"], "media.ready"), "media.ready"),
    "partitions": (lambda at: at["topics"]["system.slots"].update(partitions=2), "system.slots"),
    "consumer group": (lambda at: at["stages"]["labels"].update(group="labels"), "labels"),
    "result name": (lambda at: at["stages"]["labels"].update(result="labels@2"), "labels"),
    "path": (lambda at: at["paths"].update(job="jobs/x.json"), "job"),
    "column of a view": (
        lambda at: at["views"]["tables"]["assets"].update(more="TEXT"),
        "SCHEMA_NUMBER was not raised",
    ),
    "id": (lambda at: at["ids"].update(derived="x"), "derived"),
}


@pytest.mark.parametrize("change", BREAKING)
def test_breaking_change_is_detected(change: str) -> None:
    present = copy.deepcopy(RECORDED)
    edit, expected = BREAKING[change]
    edit(present)
    [found] = changes(RECORDED, present)
    assert expected in found


def test_additions_are_compatible() -> None:
    present = copy.deepcopy(RECORDED)
    present["structs"]["JobIntent"]["fields"]["more"] = OPTIONAL
    present["views"]["tables"]["assets"]["more"] = "TEXT"
    present["views"]["schema"] += 1
    present["topics"]["media.new"] = {"partitions": 4, "compacted": False, "events": []}
    assert changes(RECORDED, present) == []
