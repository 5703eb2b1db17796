"""Generated histories are those of a real pipeline."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import pytest

from headrace.console.assets.projection import AssetProjection
from headrace.console.kafka.entry import open_record
from headrace.sandbox.fill.history import STAGES, FillPlan, HistorySource
from headrace.sandbox.fill.results import ResultSource
from headrace.sandbox.fill.send import records
from headrace.schemas import topics
from headrace.schemas.ids import root_id
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import JobFinished, MediaLabelled, MediaModerated, MediaTranscribed, MediaUploaded
from headrace.schemas.serde import codec

CODEC = codec.load()


def sent(plan: FillPlan, numbers: range) -> list[ProducerRecord]:
    source = HistorySource(plan, ResultSource(plan.seed))
    return [record for number in numbers for record in records(source, number, CODEC)]


def projected(produced: list[ProducerRecord]) -> AssetProjection:
    projection = AssetProjection()
    for offset, each in enumerate(produced):
        received = ConsumerRecord(each.topic, 0, offset, 0.0, each.key, each.value, each.headers)
        projection.take(open_record(received, CODEC))
    return projection


def failing(plan: FillPlan) -> int:
    """Return the first asset with a dead letter."""
    source = HistorySource(plan, ResultSource(plan.seed))
    return next(number for number in range(plan.assets) if any(each.failed for each in source.events(number)))


def test_same_seed_gives_the_same_bytes() -> None:
    plan = FillPlan(50, seed=7)
    assert sent(plan, range(3)) == sent(plan, range(3))
    assert {each.key for each in sent(plan, range(3))}.isdisjoint({each.key for each in sent(FillPlan(50), range(3))})


def test_every_stage_of_an_asset_is_done() -> None:
    projection = projected(sent(FillPlan(100), range(2)))
    for name in projection.assets():
        [version] = projection.versions(name)
        assert version.state == "completed"
        assert {stage: fact.status for stage, fact in version.stages.items()} == dict.fromkeys(STAGES[:-1], "done")
        assert version.usd == 0.224
        assert version.facts[-1].name == "MediaCompleted"


def test_fewer_stages_leave_assets_unfinished() -> None:
    projection = projected(sent(FillPlan(100, stages=5), range(1)))
    [version] = projection.versions(projection.assets()[0])
    assert (version.state, set(version.stages)) == ("processing", set(STAGES[:5]))


def test_failed_job_is_a_dead_letter_of_its_asset() -> None:
    plan = FillPlan(2_000)
    number = failing(plan)
    produced = sent(plan, range(number, number + 1))
    projection = projected(produced)
    [name] = projection.assets()
    [version] = projection.versions(name)
    [letter] = version.letters
    [status] = [fact.status for fact in version.stages.values() if fact.status != "done"]
    assert (letter.code, status, version.state) == ("job_failed", "dead-lettered", "completed")
    [dead] = [each for each in produced if topics.is_dead_letters(each.topic)]
    assert dict(dead.headers)["dlq-asset"] == name.encode()
    assert isinstance(CODEC.decode(dead.value), JobFinished)


def test_about_one_asset_in_100_fails() -> None:
    plan = FillPlan(3_000)
    produced = Counter(each.topic for each in sent(plan, range(plan.assets)))
    failed = sum(count for topic, count in produced.items() if topics.is_dead_letters(topic))
    assert 10 <= failed <= 60
    assert produced["media.uploaded"] == produced["media.completed"] == plan.assets


def test_ids_and_causes_are_those_of_the_pipeline() -> None:
    source = HistorySource(FillPlan(10), ResultSource(0))
    events = list(source.events(1))
    ids = {each.envelope.id for each in events}
    upload = events[0]
    assert isinstance(upload.event, MediaUploaded)
    assert upload.envelope.id == root_id(upload.event.asset, "ObjectCreated:Put")
    assert len(ids) == len(events)
    for each in events[1:]:
        if not isinstance(each.event, JobFinished):
            assert each.envelope.causation_id in ids
            assert each.envelope.correlation == upload.envelope.id


def test_every_result_of_an_event_is_stored() -> None:
    plan, results = FillPlan(200, seed=3), ResultSource(3)
    stored = {each.pointer: each.content for each in results.stored(plan.assets)}
    source = HistorySource(plan, results)
    for number in (0, 1, 77, 199):
        for event in (each.event for each in source.events(number)):
            if isinstance(event, MediaLabelled | MediaModerated | MediaTranscribed):
                content = stored[event.result]
                assert hashlib.sha256(content).hexdigest() == event.result.sha256
                json.loads(content)
            if isinstance(event, MediaTranscribed):
                answer = json.loads(content)["results"]
                text = answer["transcripts"][0]["transcript"]
                assert (text[:300], len(text.split())) == (event.excerpt, event.words)
                assert answer["synthetic"] is True


@pytest.mark.parametrize("count", [1, 20, 21])
def test_stored_results_are_listed_once(count: int) -> None:
    keys = [each.pointer.key for each in ResultSource(0).stored(count)]
    assert len(keys) == len(set(keys))
    assert sum("transcript" in key for key in keys) == (count + 19) // 20
