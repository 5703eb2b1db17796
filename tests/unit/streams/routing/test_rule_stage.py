"""Tests of rule stages: delivery, stable event ids, and failures of targets."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from msgspec import structs

from headrace.schemas.cloudevents import from_headers, to_headers
from headrace.schemas.delivery import Delivery
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import AwsEvent
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.dlq import retry_record
from headrace.streams.engine.outcome import Dead, Done, Outcome, PauseStage, Retry
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import OutageError, PermanentError, ThrottledError, TransientError
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.results import ResultsStore
from headrace.streams.routing.rule import parse, read_text
from headrace.streams.routing.rule_stage import rule_stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, arrived, envelope, raw, ready, received

ORIGIN = (
    ("retry-topic", b"scan.dlq"),
    ("retry-partition", b"0"),
    ("retry-offset", b"1"),
    ("retry-timestamp", b"0"),
    ("retry-attempts", b"1"),
    ("retry-first-failure", b""),
    ("retry-waits", b"0"),
)


class RecordingTarget:
    """A target that records deliveries, or raises `failure`."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.failure: Exception | None = None

    async def take(self, outgoing: Delivery) -> None:
        if self.failure:
            raise self.failure
        self.deliveries.append(outgoing)


@pytest.fixture
def target() -> RecordingTarget:
    return RecordingTarget()


async def run(target: RecordingTarget | None, record: ConsumerRecord, **values: object) -> tuple[Outcome, MemoryBucket]:
    target_values = {"sns": "arn"} if target else {"topic": "media.copies"}
    rule = parse("images", {"reads": ["media.ready"], "target": target_values, **values}, ["sns"])
    bucket = MemoryBucket()
    results = ResultsStore(bucket)
    context = RunnerContext(CODEC, results, FakeServices().services(results), UnlimitedSlots(), PRICES)
    runner = Runner(rule_stage(rule, target.take if target else None), context)
    outcome = await runner.run(record)
    if isinstance(outcome, Dead):
        await runner.remember_failure(record, outcome)
    return outcome, bucket


IMAGES = {"detail": {"kind": ["image"]}}


async def test_shadow_rule_counts_matching_records_and_delivers_nothing(target: RecordingTarget) -> None:
    for to in (target, None):
        matching, _ = await run(to, received(ready()), pattern=IMAGES, enabled="shadow")
        other, _ = await run(to, received(ready(kind="video")), pattern=IMAGES, enabled="shadow")
        assert (matching, other.how) == (Done(how="shadowed"), "skipped")  # type: ignore[union-attr]
    assert target.deliveries == []


async def test_sends_matching_records_and_stores_nothing(target: RecordingTarget) -> None:
    outcome, bucket = await run(target, received(ready()), pattern=IMAGES)
    assert outcome == Done()
    [sent] = target.deliveries
    event = json.loads(sent.body)
    assert (event["detail-type"], event["source"], event["detail"]["kind"]) == ("MediaReady", "test", "image")
    assert event["resources"] == ["arn:aws:s3:::media/photos/cat.jpg"]
    assert event["headrace"]["topic"] == "media.ready"
    assert sent.key == "media/photos/cat.jpg"
    assert bucket.calls == []


async def test_skips_records_that_do_not_match(target: RecordingTarget) -> None:
    outcome, _ = await run(target, received(ready(kind="audio")), pattern=IMAGES)
    assert isinstance(outcome, Done)
    assert outcome.how == "skipped"
    assert target.deliveries == []


async def test_delivery_id_depends_on_the_event_only(target: RecordingTarget) -> None:
    for record in (received(ready()), received(ready(), offset=9), received(ready(), id="other")):
        await run(target, record)
    first, again, other = (sent.id for sent in target.deliveries)
    assert first == again != other
    assert first != from_headers(received(ready()).headers).id


async def test_topic_target_gets_the_unchanged_record() -> None:
    record = received(ready())
    outcome, _ = await run(None, record)
    assert isinstance(outcome, Done)
    [sent] = outcome.events
    assert (sent.topic, sent.key, sent.value) == ("media.copies", record.key, record.value)
    assert sent.headers == (*record.headers, ("rule", b"images"), ("rule-version", b""))


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(OutageError("down"), PauseStage), (ThrottledError("slow"), Retry), (PermanentError("http_404", "gone"), Dead)],
)
async def test_target_failures_have_the_outcomes_of_a_stage(
    target: RecordingTarget, failure: Exception, kind: type
) -> None:
    target.failure = failure
    outcome, bucket = await run(target, received(ready()))
    assert isinstance(outcome, kind)
    assert bucket.objects == {}


async def test_eventbridge_event_is_sent_unchanged(target: RecordingTarget) -> None:
    body = {"source": "my.app", "detail-type": "Paid", "id": "e-1", "detail": {"amount": 7}}
    event = AwsEvent(
        source="my.app", detail_type="Paid", event_id="e-1", occurred_at=datetime.now(UTC), body=json.dumps(body)
    )
    await run(target, arrived(to_producer_record(event, envelope(event), CODEC)), pattern={"detail": {"amount": [7]}})
    [sent] = target.deliveries
    event_sent = json.loads(sent.body)
    event_sent.pop("headrace")
    assert event_sent == body
    assert (sent.source, sent.detail_type) == ("my.app", "Paid")


async def test_dead_letter_event_has_the_failure_fields(target: RecordingTarget) -> None:
    record = ready()
    dlq_headers = (("dlq-stage", b"scan"), ("dlq-code", b"infected"), ("dlq-attempts", b"1"))
    dead_letter = raw(CODEC.encode(record), (*to_headers(envelope(record)), *dlq_headers), topic="scan.dlq")
    pattern = {"headrace": {"dead-letter": {"code": ["infected"]}}}
    await run(target, dead_letter, pattern=pattern)
    assert json.loads(target.deliveries[0].body)["headrace"]["dead-letter"] == {
        "stage": "scan",
        "code": "infected",
        "attempts": "1",
    }


INFECTED = {"headrace": {"dead-letter": {"code": ["infected"]}}}


@pytest.mark.parametrize(
    ("topic", "headers"),
    [
        ("media.ready", ()),
        ("labels.retry", ()),
        ("media.ready", ORIGIN),
        ("labels.retry", ORIGIN[1:]),
        ("labels.retry", (("retry-topic", b"media.ready"), *ORIGIN[1:])),
    ],
)
async def test_forged_failure_headers_do_not_match(
    target: RecordingTarget, topic: str, headers: tuple[tuple[str, bytes], ...]
) -> None:
    record = ready()
    forged = (("dlq-stage", b"scan"), ("dlq-code", b"infected"), *headers)
    letter = raw(CODEC.encode(record), (*to_headers(envelope(record)), *forged), topic=topic)
    await run(target, letter, pattern=INFECTED)
    assert target.deliveries == []
    await run(target, letter)
    assert "dead-letter" not in json.loads(target.deliveries[0].body)["headrace"]


async def test_retried_delivery_of_a_dead_letter_still_matches(target: RecordingTarget) -> None:
    record = ready()
    reason = (("dlq-stage", b"scan"), ("dlq-code", b"infected"))
    letter = raw(CODEC.encode(record), (*to_headers(envelope(record)), *reason), topic="scan.dlq")
    stage = rule_stage(parse("images", {"reads": ["scan.dlq"], "target": {"sns": "arn"}}, ["sns"]), target.take)
    waiting = letter
    for _ in range(3):
        retry = Retry(5.0, "throttled", "busy")
        waiting = arrived(retry_record(stage, waiting, retry, 1, datetime.now(UTC)))
    await run(target, waiting, pattern=INFECTED)
    assert json.loads(target.deliveries[0].body)["headrace"]["dead-letter"] == {"stage": "scan", "code": "infected"}


async def test_undecodable_record_becomes_a_dead_letter_of_the_rule(target: RecordingTarget) -> None:
    outcome, _ = await run(target, raw(b"rubbish", topic="media.ready"))
    assert isinstance(outcome, Dead)
    assert outcome.code == "decode"


async def test_fails_after_the_configured_attempts(target: RecordingTarget) -> None:
    target.failure = TransientError("not now")
    outcome, _ = await run(target, received(ready()), retry={"attempts": 1})
    assert isinstance(outcome, Dead)
    assert outcome.code == "transient"


async def test_fails_when_the_event_is_too_old(target: RecordingTarget) -> None:
    target.failure = TransientError("not now")
    record = structs.replace(received(ready()), timestamp=time.time() - 61)
    early, _ = await run(target, record, retry={"within_seconds": 62})
    late, _ = await run(target, record, retry={"within_seconds": 60})
    assert isinstance(early, Retry)
    assert isinstance(late, Dead)
    assert (late.code, "not now" in late.why) == ("expired", True)


async def test_delivery_contains_the_rule_version(target: RecordingTarget) -> None:
    rule = read_text("images", 'reads = ["media.ready"]\n[target]\nsns = "arn"\n', ["sns"])
    bucket = MemoryBucket()
    context = RunnerContext(
        CODEC, ResultsStore(bucket), FakeServices().services(ResultsStore(bucket)), UnlimitedSlots(), PRICES
    )
    await Runner(rule_stage(rule, target.take), context).run(received(ready()))
    [sent] = target.deliveries
    assert json.loads(sent.body)["headrace"]["rule"] == {"name": "images", "version": rule.version}
