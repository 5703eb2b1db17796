"""A rule on the runner: what matches is sent under an id that stays, and a target that fails fails as any stage."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from msgspec import structs

from headrace.schemas.cloudevents import from_headers, to_headers
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import AwsEvent
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome, PauseStage, Retry
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import OutageError, PermanentError, ThrottledError, TransientError
from headrace.streams.limits.job_slots import JobSlots
from headrace.streams.results import ResultsStore
from headrace.streams.routing.rule import parse, read_text
from headrace.streams.routing.rule_stage import OutgoingDelivery, rule_stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.records import CODEC, arrived, envelope, raw, ready, received


class Place:
    """A target that keeps what it is given, or fails as it is told."""

    def __init__(self) -> None:
        self.got: list[OutgoingDelivery] = []
        self.failure: Exception | None = None

    async def take(self, outgoing: OutgoingDelivery) -> None:
        if self.failure:
            raise self.failure
        self.got.append(outgoing)


@pytest.fixture
def place() -> Place:
    return Place()


async def run(place: Place | None, record: ConsumerRecord, **said: object) -> tuple[Outcome, MemoryBucket]:
    target = {"sns": "arn"} if place else {"topic": "media.copies"}
    rule = parse("images", {"reads": ["media.ready"], "target": target, **said})
    bucket = MemoryBucket()
    results = ResultsStore(bucket)
    context = RunnerContext(CODEC, results, FakeServices().services(results), JobSlots({}, 1))
    runner = Runner(rule_stage(rule, place.take if place else None), context)
    outcome = await runner.run(record)
    if isinstance(outcome, Dead):
        await runner.remember_failure(record, outcome)
    return outcome, bucket


IMAGES = {"detail": {"kind": ["image"]}}


async def test_what_matches_is_sent_and_nothing_is_stored(place: Place) -> None:
    outcome, bucket = await run(place, received(ready()), pattern=IMAGES)
    assert outcome == Done()
    [sent] = place.got
    event = json.loads(sent.body)
    assert (event["detail-type"], event["source"], event["detail"]["kind"]) == ("MediaReady", "test", "image")
    assert event["resources"] == ["arn:aws:s3:::media/photos/cat.jpg"]
    assert event["headrace"]["topic"] == "media.ready"
    assert sent.key == "media/photos/cat.jpg"
    assert bucket.calls == []


async def test_what_does_not_match_is_skipped(place: Place) -> None:
    outcome, _ = await run(place, received(ready(kind="audio")), pattern=IMAGES)
    assert isinstance(outcome, Done)
    assert outcome.how == "skipped"
    assert place.got == []


async def test_the_same_record_is_sent_under_the_same_id_and_another_under_another(place: Place) -> None:
    for record in (received(ready()), received(ready(), offset=9), received(ready(), id="other")):
        await run(place, record)
    first, again, other = (sent.id for sent in place.got)
    assert first == again != other
    assert first != from_headers(received(ready()).headers).id


async def test_a_topic_gets_the_record_as_it_came() -> None:
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
async def test_a_target_that_fails_fails_as_any_stage_does(place: Place, failure: Exception, kind: type) -> None:
    place.failure = failure
    outcome, bucket = await run(place, received(ready()))
    assert isinstance(outcome, kind)
    assert bucket.objects == {}


async def test_an_event_of_eventbridge_keeps_its_form(place: Place) -> None:
    body = {"source": "my.app", "detail-type": "Paid", "id": "e-1", "detail": {"amount": 7}}
    event = AwsEvent(
        source="my.app", detail_type="Paid", event_id="e-1", occurred_at=datetime.now(UTC), body=json.dumps(body)
    )
    await run(place, arrived(to_producer_record(event, envelope(event), CODEC)), pattern={"detail": {"amount": [7]}})
    [sent] = place.got
    told = json.loads(sent.body)
    told.pop("headrace")
    assert told == body
    assert (sent.source, sent.detail_type) == ("my.app", "Paid")


async def test_a_dead_letter_tells_why_it_is_one(place: Place) -> None:
    record = ready()
    marks = (("dlq-stage", b"scan"), ("dlq-code", b"infected"), ("dlq-attempts", b"1"))
    letter = raw(CODEC.encode(record), (*to_headers(envelope(record)), *marks), topic="scan.dlq")
    pattern = {"headrace": {"dead-letter": {"code": ["infected"]}}}
    await run(place, letter, pattern=pattern)
    assert json.loads(place.got[0].body)["headrace"]["dead-letter"] == {
        "stage": "scan",
        "code": "infected",
        "attempts": "1",
    }


async def test_a_record_that_nobody_can_read_is_a_dead_letter_of_the_rule(place: Place) -> None:
    outcome, _ = await run(place, raw(b"rubbish", topic="media.ready"))
    assert isinstance(outcome, Dead)
    assert outcome.code == "decode"


async def test_a_rule_gives_up_after_as_many_tries_as_it_says(place: Place) -> None:
    place.failure = TransientError("not now")
    outcome, _ = await run(place, received(ready()), retry={"attempts": 1})
    assert isinstance(outcome, Dead)
    assert outcome.code == "transient"


async def test_a_rule_gives_up_when_it_is_too_late(place: Place) -> None:
    place.failure = TransientError("not now")
    record = structs.replace(received(ready()), timestamp=time.time() - 61)
    early, _ = await run(place, record, retry={"within_seconds": 62})
    late, _ = await run(place, record, retry={"within_seconds": 60})
    assert isinstance(early, Retry)
    assert isinstance(late, Dead)
    assert (late.code, "not now" in late.why) == ("expired", True)


async def test_a_sent_event_says_which_version_of_the_rule_sent_it(place: Place) -> None:
    rule = read_text("images", 'reads = ["media.ready"]\n[target]\nsns = "arn"\n')
    bucket = MemoryBucket()
    context = RunnerContext(CODEC, ResultsStore(bucket), FakeServices().services(ResultsStore(bucket)), JobSlots({}, 1))
    await Runner(rule_stage(rule, place.take), context).run(received(ready()))
    [sent] = place.got
    assert json.loads(sent.body)["headrace"]["rule"] == {"name": "images", "version": rule.version}
