"""One trace per asset: parents, and links of retries, replays and jobs."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from headrace.schemas.cloudevents import Headers
from headrace.schemas.ids import job_token
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.spans import Span, SpanContext, header_span
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.dlq import RedriveInfo, redrive_record
from headrace.streams.engine.headers import due_at
from headrace.streams.engine.processor import Processor
from headrace.streams.engine.record_spans import traced
from headrace.streams.engine.scheduler import RecordHandler
from headrace.streams.errors import PermanentError, RetryAt
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.results import ResultsStore
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.recorded_spans import recording
from tests.support.records import CODEC, NOW, arrived, asset, job_finished, ready, received, uploaded
from tests.support.stages import get_stages

ROOT = SpanContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
COMPLETION = SpanContext("c0" * 16, "c1" * 8)


class World:
    """Stages with a tracer. `sent` are the records that they wrote."""

    def __init__(self) -> None:
        self.outside = FakeServices()
        self.results = ResultsStore(MemoryBucket())
        self.sent: list[ProducerRecord] = []
        self._recording = recording()
        self.tracer, self._ended = self._recording.__enter__()

    async def send(self, messages: list[ProducerRecord]) -> None:
        self.sent += messages

    async def run(self, stage: str, record: ConsumerRecord) -> Headers:
        """Run a record; return the headers of the last record that the stage wrote."""
        services = self.outside.services(self.results)
        context = RunnerContext(
            CODEC, self.results, services, UnlimitedSlots(), PRICES, lambda: NOW, random.Random(1), tracer=self.tracer
        )
        processor = Processor(get_stages([stage])[0], context, self)  # type: ignore[arg-type]
        work = RecordHandler(processor.process, processor.on_deadline, due_at)
        await traced(stage, work, self.tracer).process(record)
        return self.sent[-1].headers if self.sent else ()

    def spans(self) -> dict[str, Span]:
        """Return the spans by name; of several, a number follows the name."""
        named: dict[str, Span] = {}
        for span in self._ended():
            number = sum(name.partition("#")[0] == span.name for name in named)
            named[f"{span.name}#{number + 1}" if number else span.name] = span
        return named

    def close(self) -> None:
        self._recording.__exit__(None, None, None)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


async def test_span_is_the_child_of_its_cause_and_the_parent_of_its_result(world: World) -> None:
    headers = await world.run("scan", received(uploaded(), traceparent=ROOT.traceparent))
    span = world.spans()["scan process"]
    assert (span.context.trace_id, span.parent_id, span.kind, span.error) == (
        ROOT.trace_id,
        ROOT.span_id,
        "consumer",
        "",
    )
    assert header_span(headers) == span.context
    assert span.attributes == {
        "headrace.key": "media/photos/cat.jpg",
        "headrace.record": "media.uploaded/0/0",
        "headrace.outcome": "done",
        "headrace.code": "ran",
    }


async def test_record_without_a_trace_starts_one(world: World) -> None:
    headers = await world.run("scan", received(uploaded()))
    span = world.spans()["scan process"]
    assert span.parent_id == ""
    assert header_span(headers) == span.context


async def test_trace_that_is_not_sampled_passes_on_unchanged() -> None:
    with recording(lambda _: False) as (tracer, ended):
        world = World()
        world.tracer = tracer
        headers = await world.run("scan", received(uploaded(), traceparent=ROOT.traceparent))
        assert header_span(headers) == ROOT
        assert ended() == []
        world.close()


async def test_skipped_record_has_no_span(world: World) -> None:
    await world.run("scan", received(uploaded(asset("folder/", size=0)), traceparent=ROOT.traceparent))
    assert world.spans() == {}


async def test_retry_links_to_the_attempt_that_failed(world: World) -> None:
    world.outside.failures = [RetryAt("later", 60.0)]
    await world.run("scan", received(uploaded(), traceparent=ROOT.traceparent))
    [retry] = world.sent
    assert header_span(retry.headers) == ROOT
    headers = await world.run("scan", arrived(retry))
    first, second = (world.spans()[name] for name in ("scan process", "scan process#2"))
    assert second.links == [first.context]
    assert first.parent_id == second.parent_id == ROOT.span_id
    assert header_span(headers, "retry-traceparent") is None


async def test_redriven_dead_letter_links_to_the_attempt_that_failed(world: World) -> None:
    world.outside.failures = [PermanentError("refused", "no")]
    await world.run("scan", received(uploaded(), traceparent=ROOT.traceparent))
    [letter] = world.sent
    await world.run("scan", arrived(redrive_record(arrived(letter), RedriveInfo("r1", "ann"))))
    first, second = (world.spans()[name] for name in ("scan process", "scan process#2"))
    assert (first.error, first.attributes["error.type"]) == ("no", "refused")
    assert second.links == [first.context]
    assert second.parent_id == ROOT.span_id


async def test_header_of_a_retry_counts_only_on_a_retry_topic(world: World) -> None:
    record = received(uploaded(), traceparent=ROOT.traceparent)
    forged = (("retry-traceparent", COMPLETION.traceparent.encode()),)
    await world.run("scan", replace(record, headers=record.headers + forged))
    assert world.spans()["scan process"].links == []


async def test_replay_links_to_the_span_that_made_the_stored_result(world: World) -> None:
    record = received(uploaded(), traceparent=ROOT.traceparent)
    first, second = await world.run("scan", record), await world.run("scan", record)
    assert first == second, "a stored result is emitted unchanged"
    spans = world.spans()
    assert spans["scan process#2"].attributes["headrace.code"] == "stored"
    assert spans["scan process#2"].links == [spans["scan process"].context]


async def test_job_finishes_in_the_trace_of_its_start_and_links_to_the_completion(world: World) -> None:
    video = ready(kind="video", duration_seconds=9.0)
    [labels] = get_stages(["labels"])
    await world.run("labels", received(video, traceparent=ROOT.traceparent))
    done = job_finished(job_token("labels", video.asset, labels.result_name))
    headers = await world.run("labels", received(done, traceparent=COMPLETION.traceparent))
    spans = world.spans()
    start, delivery, finish = (spans[name] for name in ("labels process", "labels process#2", "labels finish"))
    assert (finish.context.trace_id, finish.parent_id) == (ROOT.trace_id, start.context.span_id)
    assert (delivery.context.trace_id, delivery.parent_id) == (COMPLETION.trace_id, COMPLETION.span_id)
    assert finish.links == [delivery.context]
    assert header_span(headers) == finish.context


async def test_completion_of_another_stage_has_no_span(world: World) -> None:
    await world.run("labels", received(job_finished("moderation-" + "0" * 40), traceparent=COMPLETION.traceparent))
    assert world.spans() == {}
