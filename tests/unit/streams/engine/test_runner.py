"""Tests that each record has exactly one outcome, and that redelivery repeats no effect."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest
from msgspec.structs import replace

from headrace.schemas import topics
from headrace.schemas.cloudevents import from_headers
from headrace.schemas.ids import token_stage
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import (
    Asset,
    JobStarted,
    MediaCompleted,
    MediaDeleted,
    MediaLabelled,
    MediaReady,
    MediaScanned,
    StageFailure,
)
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome, PauseStage, Retry
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import OutageError, PermanentError, StageError, ThrottledError, TransientError
from headrace.streams.handlers import AsyncJob, FanIn, FinishedJob, Transform
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.pipeline import stages
from headrace.streams.results import AssetResults, ResultsStore
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.job_slots import CountingSlots
from tests.support.prices import PRICES
from tests.support.records import (
    CODEC,
    NOW,
    arrived,
    asset,
    envelope,
    job_finished,
    probed,
    raw,
    ready,
    received,
    scanned,
    uploaded,
)
from tests.support.stages import get_stages


class World:
    """A runner context with in-memory services and results."""

    def __init__(self) -> None:
        self.bucket = MemoryBucket()
        self.services = FakeServices()
        self.results = ResultsStore(self.bucket)
        self.slots = UnlimitedSlots()
        self.context = RunnerContext(
            CODEC,
            self.results,
            self.services.services(self.results),
            self.slots,
            PRICES,
            clock=lambda: NOW,
            draw=random.Random(1),
        )

    def runner(self, stage: str | Stage) -> Runner:
        return Runner(get_stages([stage])[0] if isinstance(stage, str) else stage, self.context)

    async def run(self, stage: str | Stage, record: ConsumerRecord) -> Outcome:
        return await self.runner(stage).run(record)

    async def done(self, stage: str | Stage, record: ConsumerRecord) -> list[ProducerRecord]:
        outcome = await self.run(stage, record)
        assert isinstance(outcome, Done), outcome
        return list(outcome.events)


@pytest.fixture
def world() -> World:
    return World()


def event(message: ProducerRecord) -> Any:
    return CODEC.decode(message.value)


async def test_stores_and_returns_a_result(world: World) -> None:
    [sent] = await world.done("labels", received(ready()))
    labelled = event(sent)
    assert isinstance(labelled, MediaLabelled)
    assert (sent.topic, sent.key) == ("media.labelled", b"media/photos/cat.jpg")
    results = await world.results.load(asset())
    assert await results.event("labels") == labelled


async def test_event_has_causation_and_correlation_ids(world: World) -> None:
    cause = received(ready(), correlation_id="the-upload", traceparent="00-aa-bb-01")
    [sent] = await world.done("labels", cause)
    cause_metadata, metadata = from_headers(cause.headers), from_headers(sent.headers)
    assert (metadata.causation_id, metadata.correlation_id, metadata.traceparent) == (
        cause_metadata.id,
        "the-upload",
        "00-aa-bb-01",
    )
    assert (metadata.source, metadata.type) == ("headrace/labels", "headrace.MediaLabelled")


async def test_redelivered_record_returns_the_stored_result(world: World) -> None:
    first = await world.done("labels", received(ready()))
    again = await world.done("labels", received(ready(), offset=7))
    assert again == first
    assert world.services.asked("detect") == 1


async def test_dead_letters_an_invalid_envelope_only_if_the_record_matches(world: World) -> None:
    matching, other = (replace(received(ready(kind=kind)), headers=()) for kind in ("image", "audio"))
    assert isinstance(await world.run("labels", matching), Dead)
    outcome = await world.run("labels", other)
    assert isinstance(outcome, Done)
    assert outcome.how == "skipped"


async def test_new_epoch_ignores_earlier_results_and_changes_ids(world: World) -> None:
    record = received(ready())
    [once] = await world.done("labels", record)
    [fresh] = await world.done(dataclasses.replace(get_stages(["labels"])[0], epoch=1), record)
    assert from_headers(once.headers).id != from_headers(fresh.headers).id
    results = await world.results.load(asset())
    assert results.result("labels") == "labels@1e1"
    video = received(ready(kind="video", duration_seconds=9.0))
    [first] = await world.done("moderation", video)
    [second] = await world.done(dataclasses.replace(get_stages(["moderation"])[0], epoch=1), video)
    assert event(first).token != event(second).token


async def test_skips_a_filtered_record_without_any_call(world: World) -> None:
    outcome = await world.run("labels", received(ready(kind="audio")))
    assert isinstance(outcome, Done)
    assert outcome.how == "skipped"
    assert not world.bucket.calls
    assert not world.services.calls


@pytest.mark.parametrize("key", ["photos/", "a/b/", "/", "dir.mp4/", "//"])
async def test_skips_folder_markers(world: World, key: str) -> None:
    for stage in ("scan", "probe", "thumbnails"):
        outcome = await world.run(stage, received(uploaded(asset(key, size=0))))
        assert isinstance(outcome, Done)
        assert outcome.how == "skipped"
    assert not world.services.calls


@pytest.mark.parametrize(("key", "size"), [("dir.mp4/", 446_000), ("photos/", 1), ("/", 9), ("empty.mp4", 0)])
async def test_object_with_content_is_no_folder_marker(world: World, key: str, size: int) -> None:
    [scan] = await world.done("scan", received(uploaded(asset(key, size=size))))
    assert isinstance(event(scan), MediaScanned)


async def test_late_older_version_is_superseded(world: World) -> None:
    await world.done("labels", received(ready(asset(sequencer="0B", version="e2"))))
    outcome = await world.run("labels", received(ready(asset(sequencer="0A"))))
    assert isinstance(outcome, Done)
    assert (outcome.how, outcome.events) == ("superseded", ())
    assert world.services.asked("detect") == 1


async def test_upload_before_a_deletion_is_superseded(world: World) -> None:
    marker = asset(sequencer="0C", version="0C", etag="", size=0)
    deleted = MediaDeleted(asset=marker, event_name="ObjectRemoved:Delete", deleted_at=NOW, region="us-east-1")
    assert await world.done("removals", received(deleted)) == []
    outcome = await world.run("scan", received(uploaded(asset(sequencer="0B"))))
    assert isinstance(outcome, Done)
    assert outcome.how == "superseded"


async def test_deleting_one_version_permanently_supersedes_nothing(world: World) -> None:
    old = asset(sequencer="0C", version="v1", version_id="v1", etag="")
    deleted = MediaDeleted(asset=old, event_name="ObjectRemoved:Delete", deleted_at=NOW, region="us-east-1")
    outcome = await world.run("removals", received(deleted))
    assert isinstance(outcome, Done)
    assert outcome.how == "skipped"
    assert len(await world.done("scan", received(uploaded(asset(sequencer="0B", version_id="v2"))))) == 1


async def test_object_replaced_in_s3_is_superseded(world: World) -> None:
    world.services.gone = True
    outcome = await world.run("scan", received(uploaded()))
    assert isinstance(outcome, Done)
    assert outcome.how == "superseded"


@pytest.mark.parametrize("value", [None, b"", b"\x00\x00\x00\x00\x07abc", b"garbage", b"\xc3\x01" + b"\x00" * 20])
async def test_dead_letters_unparseable_records(world: World, value: bytes | None) -> None:
    headers = received(uploaded()).headers
    outcome = await world.runner("scan").run(raw(value, headers), tries=98)
    assert isinstance(outcome, Dead)
    assert outcome.code in {"decode", "schema"}


async def test_dead_letters_a_record_without_an_envelope(world: World) -> None:
    outcome = await world.run("scan", raw(CODEC.encode(uploaded())))
    assert isinstance(outcome, Dead)
    assert outcome.code == "decode"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (PermanentError("infected", "EICAR"), Dead),
        (TransientError("timed out"), Retry),
        (ThrottledError("slow down"), Retry),
        (OutageError("no credentials"), PauseStage),
        (RuntimeError("a bug"), Dead),
    ],
)
async def test_every_error_of_a_stage_has_an_outcome(world: World, failure: Exception, expected: type[Outcome]) -> None:
    world.services.failures = [failure]
    assert isinstance(await world.run("scan", received(uploaded())), expected)


async def test_pauses_while_the_results_store_is_unavailable(world: World) -> None:
    world.bucket.broken = OutageError("no bucket")
    assert isinstance(await world.run("scan", received(uploaded())), PauseStage)


async def test_starts_a_job_for_a_video(world: World) -> None:
    [sent] = await world.done("labels", received(ready(kind="video")))
    started = event(sent)
    assert isinstance(started, JobStarted)
    assert (sent.topic, sent.key) == ("jobs.started", started.token.encode())
    assert token_stage(started.token) == "labels"
    assert world.services.calls == [("start", "labels", started.token)]
    intent = await world.results.intent(started.token)
    assert intent is not None
    assert intent.record() == ready(kind="video")


async def test_stores_the_intent_before_the_job_starts(world: World) -> None:
    world.services.failures = [TransientError("connection broke after the call")]
    assert isinstance(await world.run("labels", received(ready(kind="video"))), Retry)
    [(_, _, token)] = world.services.calls
    assert await world.results.intent(token) is not None


async def test_second_attempt_uses_the_same_token(world: World) -> None:
    world.services.failures = [TransientError("connection broke after the call")]
    await world.run("labels", received(ready(kind="video")))
    await world.done("labels", received(ready(kind="video")))
    assert len({token for *_, token in world.services.calls}) == 1


async def test_started_job_is_not_started_again(world: World) -> None:
    first = await world.done("labels", received(ready(kind="video")))
    again = await world.done("labels", received(ready(kind="video")))
    assert again == first
    assert world.services.asked("start") == 1


def limited(world: World, slots: int = 1) -> CountingSlots:
    """Give the world this number of job slots."""
    counting = CountingSlots(slots)
    world.context = dataclasses.replace(world.context, slots=counting)
    return counting


async def test_starts_no_job_without_a_free_slot(world: World) -> None:
    limited(world)
    await world.done("labels", received(ready(kind="video")))
    outcome = await world.run("labels", received(ready(asset("second.mp4"), kind="video")))
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.counts) == ("slots", False)
    assert world.services.asked("start") == 1


@pytest.mark.parametrize("failure", [PermanentError("VideoTooLargeException", "too large"), ThrottledError("too many")])
async def test_rejected_job_holds_no_slot(world: World, failure: StageError) -> None:
    slots = limited(world)
    world.services.failures = [failure]
    await world.run("labels", received(ready(kind="video")))
    assert slots.taken == set()


async def test_job_that_was_never_requested_holds_no_slot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slots = limited(world)
    monkeypatch.setattr(world.results, "put_intent", refuse)
    assert isinstance(await world.run("labels", received(ready(kind="video"))), PauseStage)
    assert slots.taken == set()


async def refuse(*_: object) -> None:
    raise OutageError("no bucket")


async def test_possibly_started_job_keeps_its_slot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if a later attempt is throttled, or fails before it calls the service."""
    slots = limited(world)
    world.services.failures = [TransientError("the answer was lost"), ThrottledError("too many")]
    for _ in range(2):
        assert isinstance(await world.run("labels", received(ready(kind="video"))), Retry)
    monkeypatch.setattr(world.results, "put_intent", refuse)
    assert isinstance(await world.run("labels", received(ready(kind="video"))), PauseStage)
    assert len(slots.taken) == 1


async def test_completion_frees_the_slot_before_the_result_is_fetched(world: World) -> None:
    slots = limited(world)
    [sent] = await world.done("labels", received(ready(kind="video")))
    world.services.failures = [TransientError("no result yet")]
    assert isinstance(await world.run("labels", received(job_finished(event(sent).token))), Retry)
    assert slots.taken == set()


async def test_completion_of_another_stage_frees_no_slot(world: World) -> None:
    slots = limited(world)
    [sent] = await world.done("labels", received(ready(kind="video")))
    await world.done("moderation", received(job_finished(event(sent).token)))
    assert len(slots.taken) == 1


async def test_job_tokens_differ_by_stage(world: World) -> None:
    [labels] = await world.done("labels", received(ready(kind="video")))
    [moderation] = await world.done("moderation", received(ready(kind="video")))
    assert event(labels).token != event(moderation).token


async def started(world: World, stage: str = "labels") -> JobStarted:
    [sent] = await world.done(stage, received(ready(kind="video", audio_codec="aac", duration_seconds=60.0)))
    job: JobStarted = event(sent)
    return job


async def test_completion_event_finishes_the_job(world: World) -> None:
    job = await started(world)
    [sent] = await world.done("labels", received(job_finished(job.token)))
    labelled = event(sent)
    assert isinstance(labelled, MediaLabelled)
    assert labelled.asset == job.asset
    assert labelled.charges[0].usd == 0.10
    assert from_headers(sent.headers).correlation_id == envelope(ready(kind="video")).id


async def test_redelivered_completion_returns_the_stored_result(world: World) -> None:
    job = await started(world)
    first = await world.done("labels", received(job_finished(job.token)))
    assert await world.done("labels", received(job_finished(job.token))) == first
    assert world.services.asked("get_result") == 1


async def test_skips_the_completion_of_another_stages_job(world: World) -> None:
    job = await started(world)
    outcome = await world.run("moderation", received(job_finished(job.token)))
    assert isinstance(outcome, Done)
    assert outcome.how == "skipped"


async def test_completion_before_the_job_start_is_recorded(world: World) -> None:
    world.services.failures = [TransientError("the answer was lost, the job runs")]
    await world.run("labels", received(ready(kind="video")))
    [(_, _, token)] = world.services.calls
    [sent] = await world.done("labels", received(job_finished(token)))
    assert isinstance(event(sent), MediaLabelled)


async def test_failed_job_is_dead_lettered_with_the_service_message(world: World) -> None:
    job = await started(world)
    failed = received(job_finished(job.token, status="failed", message="codec not supported"))
    outcome = await world.run("labels", failed)
    assert outcome == Dead("job_failed", "codec not supported", "PermanentError")
    await world.runner("labels").remember_failure(failed, outcome)
    assert (await world.results.load(job.asset)).failed("labels")


async def test_dead_letters_a_completion_without_an_intent(world: World) -> None:
    outcome = await world.run("labels", received(job_finished("labels-" + "0" * 40)))
    assert isinstance(outcome, Dead)
    assert outcome.code == "unknown_job"


async def test_stores_the_subtitles_of_a_transcript(world: World) -> None:
    job = await started(world, "transcript")
    [sent] = await world.done("transcript", received(job_finished(job.token)))
    transcribed = event(sent)
    assert (transcribed.excerpt, transcribed.words, transcribed.subtitles.content_type) == ("ask not", 2, "text/vtt")


async def deliver(world: World, *events: Any) -> list[list[ProducerRecord]]:
    """Store each event as the result of its stage, then run the fan-in with it."""
    sent = []
    for each in events:
        stage = "scan" if isinstance(each, MediaScanned) else "probe"
        await world.results.put(each.asset, f"{stage}@1", each, envelope(each), "cause")
        sent.append(await world.done("ready", received(each, correlation_id="the-upload")))
    return sent


async def test_fan_in_waits_for_all_results(world: World) -> None:
    first, second = await deliver(world, scanned(), probed())
    assert first == []
    assert isinstance(event(second[0]), MediaReady)


async def test_fan_in_is_independent_of_the_order(world: World) -> None:
    _, one = await deliver(world, scanned(), probed())
    _, other = await deliver(World(), probed(), scanned())
    assert from_headers(one[0].headers).id == from_headers(other[0].headers).id
    assert event(one[0]) == event(other[0])


async def test_only_the_completing_record_emits_the_fan_in_event_again(world: World) -> None:
    _, emitted = await deliver(world, scanned(), probed())
    assert await world.done("ready", received(scanned(), correlation_id="the-upload")) == []
    assert await world.done("ready", received(probed(), correlation_id="the-upload")) == emitted


async def store_all(world: World, media: MediaReady) -> None:
    stored: dict[str, Any] = {"thumbnails": uploaded(), "scan": scanned(), "probe": probed(), "ready": media}
    for name, each in stored.items():
        await world.results.put(each.asset, f"{name}@1", each, envelope(each), "cause")


async def test_asset_is_completed_when_every_expected_stage_is(world: World) -> None:
    await store_all(world, ready())
    assert await world.done("completed", received(ready())) == []
    [labelled] = await world.done("labels", received(ready()))
    assert await world.done("completed", arrived(labelled)) == []
    [moderated] = await world.done("moderation", received(ready()))
    [sent] = await world.done("completed", arrived(moderated))
    completed = event(sent)
    assert isinstance(completed, MediaCompleted)
    assert completed.succeeded == ("thumbnails", "scan", "probe", "ready", "labels", "moderation")
    assert completed.failed == ()
    assert completed.usd == 0.002


async def test_completed_event_lists_failed_stages_with_reasons(world: World) -> None:
    await world.results.put(asset(), "thumbnails@1", uploaded(), envelope(uploaded()), "cause")
    await world.results.put(asset(), "probe@1", probed(), envelope(probed()), "cause")
    record = received(uploaded())
    await world.runner("scan").remember_failure(record, Dead("infected", "EICAR"))
    dead_letter = ConsumerRecord("scan.dlq", 0, 0, 1.0, record.key, record.value, record.headers)
    [sent] = await world.done("completed", dead_letter)
    completed = event(sent)
    assert completed.failed == (StageFailure(stage="scan", code="infected", reason="EICAR"),)
    assert completed.succeeded == ("thumbnails", "probe")


async def test_stored_failure_is_safe_text(world: World) -> None:
    await world.runner("scan").remember_failure(received(uploaded()), Dead("infected", "token=CANARY\n\x1b[31m"))
    [stored] = [body for name, body in world.bucket.objects.items() if name.endswith(".failed.json")]
    assert b"CANARY" not in stored
    assert rb"\\n\\x1b[31m" in stored


async def test_unparseable_dead_letter_is_not_dead_lettered_again(world: World) -> None:
    outcome = await world.run("completed", raw(b"garbage", topic="scan.dlq"))
    assert isinstance(outcome, Done)
    assert outcome.how == "skipped"


async def test_failure_without_a_known_asset_is_not_stored(world: World) -> None:
    await world.runner("scan").remember_failure(raw(b"garbage"), Dead("decode", "garbage"))
    assert not world.bucket.objects


async def test_runs_a_custom_stage(world: World) -> None:
    async def custom(media: MediaReady, services: Services) -> MediaScanned:
        return scanned(media.asset)

    [sent] = await world.done(
        Stage("custom", reads=(topics.READY,), writes=topics.SCANNED, handler=Transform(custom)), received(ready())
    )
    assert event(sent) == scanned()


def test_stages_are_in_order_of_the_flow() -> None:
    names = [stage.name for stage in stages()]
    assert names.index("scan") < names.index("ready") < names.index("labels") < names.index("completed")
    assert len(set(names)) == len(names)


def test_completed_reads_every_result_and_dead_letter_topic() -> None:
    *others, completion = stages()
    reads = {topic.name for topic in completion.reads}
    for stage in others:
        if stage.writes is not None:
            assert {stage.writes.name, f"{stage.name}.dlq"} <= reads


def test_unknown_stage_error_lists_the_stages() -> None:
    with pytest.raises(ValueError, match="labels"):
        get_stages(["lables"])


@pytest.mark.parametrize("name", ["Labels", "labels_2", "", "a" * 24])
def test_rejects_invalid_stage_names(name: str) -> None:
    async def nothing(_asset: Asset, _results: AssetResults) -> None:
        return None

    with pytest.raises(ValueError, match="stage name"):
        Stage(name, reads=(topics.READY,), handler=FanIn(nothing))


def test_stage_reads_its_topics_completions_and_retry_topic() -> None:
    [labels, scan] = get_stages(["labels", "scan"])
    assert [topic.name for topic in labels.inputs] == ["media.ready", "jobs.finished", "labels.retry"]
    assert [topic.name for topic in scan.inputs] == ["media.uploaded", "scan.retry"]


async def test_rejects_a_job_filter_without_a_handler_for_the_other_records() -> None:
    async def start(media: MediaReady, token: str, services: Services) -> str:
        return token

    async def finish(finished: FinishedJob, services: Services) -> MediaScanned:
        return scanned()

    with pytest.raises(ValueError, match="must be given together"):
        AsyncJob("rekognition", "StartLabelDetection", start, finish, when={"kind": ["video"]})
