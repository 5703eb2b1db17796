"""Describe what a version of Headrace stores and sends, as JSON; run with the previous version, too.

`python -m tests.support.stored_formats` prints the description of the version that it imports.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import msgspec

FILE = Path(__file__)
STRUCTS = (
    "schemas.records:StageFailure",
    "schemas.cloudevents:EventMetadata",
    "connectors.backfill.checkpoint:Checkpoint",
    "streams.engine.account:Account",
    "streams.engine.losses:RecordsLost",
    "streams.limits.slot_records:SlotClaim",
    "streams.limits.slot_records:SlotStart",
    "streams.limits.slot_records:WorkerHeartbeat",
    "streams.results:StoredResult",
    "streams.results:JobIntent",
    "streams.reuse.claims:Claim",
    "streams.routing.rule_table:RuleChange",
    "streams.worker.status_reports:StageStatusReport",
    "streams.executions.definitions:MachineRecord",
    "streams.executions.definitions:VersionRecord",
    "streams.executions.definitions:AliasRecord",
    "streams.executions.definitions:DefinitionRecord",
    "streams.executions.inbox:StopNested",
    "streams.executions.open_execution:ExecutionOrigin",
    "streams.executions.tasks.answers:TaskAnswer",
    "streams.executions.tasks.job_task:StartedTask",
    "streams.executions.tasks.stage_task:TaskWaiter",
    "streams.executions.inbox:InboxMessage",
    "streams.machines.execution.commands:SubmitTask",
    "streams.machines.execution.commands:ReadItems",
    "streams.machines.execution.commands:WriteResults",
    "streams.machines.execution.record:Execution",
    "streams.stages._frame_answers:FrameAnswer",
    "streams.stages._frames:SampledFrame",
    "streams.passages.embedded:EmbeddedText",
    "console.dlq.dispositions:Disposition",
    "console.dlq.jsonl:LetterLine",
    "console.replay.audit:ControlMessage",
    "console.replay.redrive.position:CommitMetadata",
    "console.views.person_facts:PersonFact",
)
"""Structs, and unions of structs, that one process writes as JSON to Kafka or the results bucket for another one."""
REWRITTEN = frozenset(
    {
        "Account",
        "AliasRecord",
        "Checkpoint",
        "Claim",
        "CommitMetadata",
        "Execution",
        "ExecutionOrigin",
        "LetterLine",
        "MachineRecord",
        "RuleChange",
    }
)
"""Structs that a process reads, changes and writes again, or rejects with a field that it does not know."""
ASSET = {"bucket": "media", "version": "v ü/1", "etag": "e", "size": 1, "sequencer": "0a"}


def stored_formats() -> dict[str, Any]:
    """Return the description: structs, headers, topics, stages, paths and ids."""
    return {
        "structs": _structs(),
        "rewritten": _rewritten(),
        "headers": _headers(),
        "topics": _topics(),
        "stages": _stages(),
        "paths": _paths(),
        "ids": _ids(),
        "views": _views(),
    }


def _find(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(f"headrace.{module}"), attribute)


def _structs() -> dict[str, Any]:
    """Return the tag and the fields of each struct, with those that it refers to."""
    found: dict[str, Any] = {}
    for name in STRUCTS:
        for kind in _structs_in(_find(name)):
            _describe(kind, found)
    return dict(sorted(found.items()))


def _rewritten() -> list[str]:
    """Return the names of the structs that are written again, with those in them; events never change."""
    found: dict[str, Any] = {}
    for name in STRUCTS:
        for kind in _structs_in(_find(name)):
            if kind.__name__ in REWRITTEN:
                _describe(kind, found)
    events = vars(import_module("headrace.schemas.records"))
    return sorted(name for name in found if name not in events)


def _describe(kind: Any, found: dict[str, Any]) -> None:
    if kind.__name__ in found:
        return
    fields = msgspec.structs.fields(kind)
    shapes = {field.encode_name: {"type": _type_text(field.type), "required": field.required} for field in fields}
    found[kind.__name__] = {"tag": str(kind.__struct_config__.tag or ""), "fields": shapes}
    for field in fields:
        for inner in _structs_in(field.type):
            _describe(inner, found)


def _structs_in(kind: Any) -> Iterator[Any]:
    """Yield the structs in a type, such as those of a union."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for each in get_args(kind):
        yield from _structs_in(each)


def _type_text(kind: Any) -> str:
    """Return a type as text, without modules: a type may move."""
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    return re.sub(r"\b(?:[a-z_]+\.)+(?=\w)", "", str(kind))


def _headers() -> dict[str, Any]:
    """Return the names of the headers of an event, a retry, a dead letter and a redriven record."""
    dlq, outcome, messages = (
        import_module(f"headrace.{name}")
        for name in ("streams.engine.dlq", "streams.engine.outcome", "schemas.messages")
    )
    cloudevents, now = import_module("headrace.schemas.cloudevents"), import_module("datetime").datetime.now()
    stage = import_module("headrace.streams.pipeline").stages()[0]
    fields = _find("schemas.cloudevents:EventMetadata").__struct_fields__
    event = cloudevents.to_headers(_find("schemas.cloudevents:EventMetadata")(**dict.fromkeys(fields, "x")))
    record = messages.ConsumerRecord("media.uploaded", 0, 0, 0.0, b"k", b"v", ())
    retry = dlq.retry_record(stage, record, outcome.Retry(1.0, "timeout", "slow"), 1, now)
    letter = dlq.dead_letter(stage, record, outcome.Dead("timeout", "slow", "PermanentError"), 1, now, "media/a")
    arrived = messages.ConsumerRecord(letter.topic, 0, 0, 0.0, letter.key, letter.value, letter.headers)
    redriven = dlq.redrive_record(arrived, dlq.RedriveInfo("id", "operator", "reason"))
    named = {"record": event, "retry": retry.headers, "dead letter": letter.headers, "redrive": redriven.headers}
    return {kind: sorted({name for name, _ in headers}) for kind, headers in named.items()}


def _topics() -> dict[str, Any]:
    pipeline, table = import_module("headrace.streams.pipeline"), import_module("headrace.schemas.topics")
    found = table.table(stage.name for stage in pipeline.all_stages())
    return {
        topic.name: {"partitions": topic.partitions, "compacted": topic.compacted, "events": _names(topic)}
        for topic in found
    }


def _names(topic: Any) -> list[str]:
    return sorted(event.EVENT for event in topic.events)


def _stages() -> dict[str, Any]:
    """Return the consumer group of each stage, and the name of its results, which redeliveries look up."""
    stages = import_module("headrace.streams.pipeline").all_stages()
    return {stage.name: {"group": stage.group, "result": stage.result_name} for stage in stages}


def _asset() -> Any:
    return _find("schemas.records:Asset")(key="a b/ü.jpg", **ASSET)


def _paths() -> dict[str, str]:
    paths = import_module("headrace.streams.result_paths")
    return {
        "version": paths.version_folder(_asset()),
        "asset": paths.asset_folder(_asset()),
        "job": paths.job_key("labels-" + "0" * 40),
    }


def _ids() -> dict[str, str]:
    ids, asset = import_module("headrace.schemas.ids"), _asset()
    accounts = import_module("headrace.streams.engine.account")
    return {
        "root": ids.root_id(asset, "ObjectCreated:Put"),
        "derived": ids.derived_id("cause", "labels", 1, 2),
        "named": ids.named_id("a", "b"),
        "job end": ids.job_end_id("rekognition", "j1", "t", "SUCCEEDED"),
        "token": ids.job_token("labels", asset, "1"),
        "key": ids.asset_key(asset),
        "order": ids.sequencer_order(asset.sequencer),
        "account": accounts.to_metadata(accounts.Account(done=2, start=1)),
        "redrive position": str(_find("console.replay.redrive.position:CommitMetadata")({0: 1}, 2)),
    }


def _views() -> dict[str, Any]:
    """Return the tables of the views, and the number that is raised with each change."""
    tables = import_module("headrace.console.views.tables")
    columns = {
        name: {column.name: str(column.type) for column in table.columns}
        for name, table in sorted(tables.METADATA.tables.items())
    }
    return {"schema": tables.SCHEMA_NUMBER, "tables": columns}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(stored_formats(), indent=1, sort_keys=True, ensure_ascii=False) + "\n")
