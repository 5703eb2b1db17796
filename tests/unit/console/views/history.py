"""A log with every kind of record that the views fold, and ways to fold it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from random import Random

import msgspec

from headrace.console.dlq import dispositions
from headrace.console.dlq.dispositions import Disposition
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.kafka.letter_id import letter_id
from headrace.console.replay import audit
from headrace.console.replay.audit import AuditEntry, ControlMessage
from headrace.console.views import person_facts
from headrace.console.views.apply import apply
from headrace.console.views.batch import Batch
from headrace.console.views.fold import Fold
from headrace.console.views.person_facts import PersonFact
from headrace.console.views.store import Store
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Asset
from headrace.streams.engine import losses
from headrace.streams.routing.rule_table import RuleChange
from headrace.streams.routing.rule_table import message as rule_message
from headrace.streams.worker.status_reports import StageStatusReport
from tests.support import records
from tests.support.machine_engine import transitions_of
from tests.support.records import CODEC, NOW, job_started
from tests.unit.console.asset_history import completed, deleted, entry, labelled, letter, retry

PARTITIONS = 2
FACE, OTHER_FACE = (f"{number:08x}-1111-2222-3333-444455556666" for number in (1, 2))
Log = dict[tuple[str, int], list[ConsumerRecord]]
"""The records of each partition, with their offsets."""


def versions(name: str) -> list[Asset]:
    """Return three versions of an object."""
    return [
        records.asset(key=name, sequencer=f"0{number}", version=f"v{number}", etag=f"e{number}") for number in range(3)
    ]


def history(name: str, draw: Random) -> list[LogEntry]:
    """Return the events of one object with three versions, oldest first: some jobs, letters, retries, duplicates."""
    old, middle, newest = versions(name)
    events = []
    for asset in (old, middle):
        upload = entry(records.uploaded(asset))
        scan = entry(records.scanned(asset), 1, upload, "scan")
        token = f"labels-{asset.version}-{name[:40]}"
        started = entry(job_started(token, asset), 2, scan, "labels")
        finished = entry(records.job_finished(token), 3)
        result = entry(labelled(asset, usd=draw.choice([0.001, 0.0025])), 4, finished, "labels")
        own = [upload, scan, started, finished, result, entry(completed(asset), 5, result, "completed")]
        own += [letter(scan, "labels", 2), letter(scan, "labels", 3, code="timeout"), retry(scan, "probe", 1)]
        own += [letter(finished, "moderation", 4), retry(finished, "faces", 4), letter(upload, "rule-audit", 2)]
        events += [each for each in own if draw.random() < 0.9]
    events.append(entry(deleted(newest), 9))
    if draw.random() < 0.5:
        events.append(entry(deleted(records.asset(key=name, version="v1", version_id="v1", sequencer="0F")), 9))
    return events + [each for each in events if draw.random() < 0.2]


def executions(draw: Random) -> list[LogEntry]:
    """Return the transitions of an execution with a retry, some of them twice."""
    task = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {}, "End": True}
    retry_ = [{"ErrorEquals": ["Boom"]}]
    definition = {"StartAt": "Ask", "States": {"Ask": {**task, "Retry": retry_}}}
    failing = {"Throw": {"Error": "Boom", "Cause": "\x00 it broke"}}
    value = {"bucket": "media", "key": "cat.jpg", "text": "\x00\x01"}
    transitions = transitions_of(definition, value, {"Ask": [failing, {"Return": 1}]})
    return [entry(each) for each in transitions for _ in range(draw.choice([1, 2]))]


def control_records(letters: Sequence[ConsumerRecord], draw: Random) -> list[ProducerRecord]:
    """Return records of the control topics."""
    entry_ = AuditEntry("r1", "redrive", "begun", "scan", "headrace.scan", "ann", "2026-03-14T15:09:26Z", "all")
    report = StageStatusReport("scan", "w1", "paused", "disk full", NOW)
    found: list[ProducerRecord] = [
        audit.message(entry_),
        audit.control_message(ControlMessage("pause", "r1", "bob", "2026-03-14T15:09:27Z")),
        audit.message(msgspec.structs.replace(entry_, state="done", sent=2)),
        ProducerRecord(topics.WORKERS.name, b"scan/w1", msgspec.json.encode(report)),
        ProducerRecord(topics.WORKERS.name, b"scan/w2", msgspec.json.encode(report)),
        ProducerRecord(topics.WORKERS.name, b"scan/w2", None),
        losses.to_record(losses.RecordsLost("scan", "media.uploaded", 0, 3, 9, "2026-03-14T15:09:26Z")),
        rule_message(RuleChange("audit", "name = 'audit'", "ann", "2026-03-14T15:09:26Z")),
        rule_message(RuleChange("old", "name = 'old'", "ann", "2026-03-14T15:09:26Z")),
        rule_message(RuleChange("old", None, "ann", "2026-03-14T15:09:27Z")),
        person_facts.message(PersonFact("name", FACE, "ann", "2026-03-14T15:09:26Z", name="Ada \x00")),
        person_facts.message(PersonFact("link", FACE, "ann", "2026-03-14T15:09:26Z", other=OTHER_FACE)),
        person_facts.removal(f"name/{OTHER_FACE}"),
        ProducerRecord(topics.WORKERS.name, b"scan/w3", b"no json"),
        ProducerRecord(topics.SCANNED.name, b"media/x", b"junk"),
    ]
    for each in letters:
        id_ = letter_id(each)
        if draw.random() < 0.5:
            through = f"{each.topic}/{each.partition}/{each.offset}" if draw.random() < 0.5 else ""
            decision = Disposition(id_, "wont-fix", "known", "ann", "2026-03-14T15:09:26Z", through)
            found.append(dispositions.message(decision))
            if draw.random() < 0.3:
                found.append(dispositions.withdrawal(id_, "ann", NOW))
    return found


def log_of(names: Iterable[str], seed: int) -> Log:
    """Return a log about some objects, in partitions by key."""
    draw = Random(seed)
    log: Log = defaultdict(list)
    for name in names:
        for each in history(name, draw):
            append(log, each.record)
    for each in executions(draw):
        append(log, each.record)
    letters = [record for (topic, _), found in log.items() if topics.is_dead_letters(topic) for record in found]
    for message in control_records(letters, draw):
        append(log, ConsumerRecord(message.topic, 0, 0, NOW.timestamp(), message.key, message.value, message.headers))
    return dict(log)


def append(log: Log, record: ConsumerRecord) -> None:
    """Add a record to the end of its partition."""
    single = record.topic.startswith("system.")
    partition = 0 if single else sum(record.key or b"") % PARTITIONS
    found = log[record.topic, partition]
    found.append(msgspec.structs.replace(record, partition=partition, offset=len(found)))


def any_order(log: Log, draw: Random) -> list[ConsumerRecord]:
    """Return the records in a random order that keeps the order of each partition."""
    left = {place: iter(found) for place, found in log.items()}
    turns = [place for place, found in log.items() for _ in found]
    draw.shuffle(turns)
    return [next(left[place]) for place in turns]


def batches(ordered: Sequence[ConsumerRecord], draw: Random) -> list[list[ConsumerRecord]]:
    """Split records into batches of random sizes."""
    found, start = [], 0
    while start < len(ordered):
        size = draw.choice([1, 2, 7, 50])
        found.append(list(ordered[start : start + size]))
        start += size
    return found


def folded(found: Iterable[ConsumerRecord]) -> Batch:
    """Fold records into a batch."""
    batch, fold = Batch(), Fold({})
    for record in found:
        fold.add(batch, open_record(record, CODEC))
    return batch


def apply_all(groups: Iterable[Sequence[ConsumerRecord]], store: Store) -> None:
    """Fold and apply batches, each expected where the one before ended."""
    expected: dict[tuple[str, int], int] = {}
    for group in groups:
        apply(folded(group), store, expected, 0.0)
        expected |= {(record.topic, record.partition): record.offset + 1 for record in group}
