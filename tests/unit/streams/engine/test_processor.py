"""Tests that a record is done only when its outcome is durable."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import get_args

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from headrace.schemas.ids import job_token
from headrace.schemas.messages import ConsumerRecord, ProducerRecord, SendError
from headrace.schemas.serde import catalog
from headrace.schemas.serde.catalog import Schema, SchemaLookup, SchemaVersion
from headrace.schemas.serde.codec import HEADER, Codec, RegistryUnavailableError
from headrace.streams.engine import circuit_breaker
from headrace.streams.engine import processor as subject
from headrace.streams.engine.account import Account, OutcomeCount
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outage_pause import OutagePause
from headrace.streams.engine.outcome import RecordDisposition
from headrace.streams.engine.processor import Processor
from headrace.streams.errors import (
    ObjectGone,
    OutageError,
    PermanentError,
    RetryAt,
    ShadowMatch,
    ThrottledError,
    TransientError,
)
from headrace.streams.handlers import Transform
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.results import ResultsStore
from headrace.streams.retry_policy import RetryPolicy
from headrace.streams.stage import Stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, arrived, asset, job_finished, ready, received, uploaded
from tests.support.stages import get_stages


class Broker:
    """A producer that fails a given number of times."""

    def __init__(self) -> None:
        self.sent: list[ProducerRecord] = []
        self.failures: list[SendError] = []

    async def send(self, messages: Sequence[ProducerRecord]) -> None:
        if messages and self.failures:
            raise self.failures.pop(0)
        self.sent += messages


class Quick(random.Random):
    """Chooses a delay of 0."""

    def uniform(self, a: float, b: float) -> float:
        return a


class Slow(random.Random):
    """Chooses the longest delay."""

    def uniform(self, a: float, b: float) -> float:
        return 1000.0


class Longest(random.Random):
    """Chooses the upper bound."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Away:
    """A schema registry that is unavailable at first, and then has no schemas or those of Headrace."""

    def __init__(self, failures: int, knows: bool) -> None:
        self.failures, self.knows = failures, knows

    def schema(self, schema_id: int) -> Schema | None:
        if self.failures:
            self.failures -= 1
            raise RegistryUnavailableError("no registry")
        return catalog.latest(catalog.versions())["MediaUploaded"].schema if self.knows else None

    def ids(self, published: tuple[SchemaVersion, ...]) -> dict[str, int]:
        return {each.label: 7 for each in published}


class World:
    def __init__(self, draw: random.Random, registry: SchemaLookup | None = None, stage: Stage | None = None) -> None:
        self.bucket = MemoryBucket()
        self.outside = FakeServices()
        self.broker = Broker()
        results = ResultsStore(self.bucket)
        codec = Codec(catalog.versions(), registry) if registry else CODEC
        context = RunnerContext(
            codec, results, self.outside.services(results), UnlimitedSlots(), PRICES, clock=lambda: NOW, draw=draw
        )
        self.processor = Processor(stage or get_stages(["scan"])[0], context, self.broker)

    async def ends_in(self, record: object = None) -> list[str]:
        await asyncio.wait_for(self.processor.process(record or received(uploaded())), 25)  # type: ignore[arg-type]
        return [message.topic for message in self.broker.sent]


@pytest.fixture
def world() -> World:
    return World(Quick())


@pytest.mark.parametrize(
    ("raised", "disposition"),
    [
        (None, RecordDisposition.DONE),
        (ObjectGone("it was replaced"), RecordDisposition.SUPERSEDED),
        (ShadowMatch(), RecordDisposition.SHADOWED),
        (PermanentError("refused", "no"), RecordDisposition.DEAD_LETTERED),
        (RetryAt("later", 60.0), RecordDisposition.DEFERRED),
    ],
)
async def test_accounting_counts_each_outcome_as_what_it_is(
    raised: Exception | None, disposition: RecordDisposition
) -> None:
    async def handle(_record: object, _services: object) -> None:
        if raised is not None:
            raise raised

    [scan] = get_stages(["scan"])
    world = World(Quick(), stage=dataclasses.replace(scan, handler=Transform(handle)))

    assert await world.processor.process(received(uploaded())) is disposition


def test_counts_of_an_account_are_named_as_the_dispositions() -> None:
    assert {each.value for each in RecordDisposition} == set(get_args(OutcomeCount)) <= set(Account.__struct_fields__)


async def test_result_is_sent_to_its_topic(world: World) -> None:
    assert await world.ends_in() == ["media.scanned"]


async def test_short_retry_delay_is_waited_in_place(world: World) -> None:
    world.outside.failures = [TransientError("once"), ThrottledError("twice")]
    assert await world.ends_in() == ["media.scanned"]


async def test_long_retry_delay_uses_the_retry_topic() -> None:
    world = World(Slow())
    world.outside.failures = [TransientError("timed out")]
    assert await world.ends_in() == ["scan.retry"]
    headers = dict(world.broker.sent[0].headers)
    assert (headers["retry-after-ms"], headers["retry-attempts"]) == (b"1000000", b"1")


async def test_throttling_counts_no_attempt() -> None:
    world = World(Slow())
    world.outside.failures = [ThrottledError("slow down")]
    assert await world.ends_in() == ["scan.retry"]
    assert dict(world.broker.sent[0].headers)["retry-attempts"] == b"0"


async def test_dead_letter_after_the_maximum_attempts_over_all_deliveries() -> None:
    world = World(Slow())
    record = received(uploaded())
    topics = []
    for _ in range(20):
        world.outside.failures = [TransientError("timed out")]
        await world.processor.process(record)
        last = world.broker.sent[-1]
        topics.append(last.topic)
        if last.topic == "scan.dlq":
            break
        record = arrived(last)
    assert topics == ["scan.retry"] * 7 + ["scan.dlq"]
    assert dict(last.headers)["dlq-attempts"] == b"8"


async def test_dead_letter_is_stored_before_it_is_sent(world: World) -> None:
    world.outside.failures = [PermanentError("infected", "EICAR")]
    assert await world.ends_in() == ["scan.dlq"]
    assert any(key.endswith("scan@1.failed.json") for key in world.bucket.objects)


async def test_record_is_done_only_after_its_dead_letter_is_acknowledged(world: World) -> None:
    world.outside.failures = [PermanentError("infected", "EICAR")]
    world.broker.failures = [SendError("scan.dlq", "no such topic", final=False)] * 3
    assert await world.ends_in() == ["scan.dlq"]
    assert not world.broker.failures


async def test_result_too_large_for_the_broker_becomes_a_dead_letter(world: World) -> None:
    world.broker.failures = [SendError("media.scanned", "message too large", final=True)]
    assert await world.ends_in() == ["scan.dlq"]
    assert dict(world.broker.sent[0].headers)["dlq-code"] == b"result_too_large"


async def test_outage_is_retried_and_logged_once(world: World) -> None:
    world.outside.failures = [OutageError("no credentials")] * 5
    assert await world.ends_in() == ["media.scanned"]
    assert world.processor.pause.why == ""


def confluent(schema_id: int = 7) -> ConsumerRecord:
    """An upload in Confluent's wire format."""
    record = received(uploaded())
    return replace(record, value=b"\x00" + schema_id.to_bytes(4, "big") + (record.value or b"")[HEADER:])


async def test_unavailable_registry_is_an_outage_and_loses_no_record() -> None:
    registry = Away(failures=20, knows=True)
    world = World(Quick(), registry)
    assert await world.ends_in(confluent()) == ["media.scanned"]
    assert registry.failures == 0


async def test_stage_is_paused_while_the_registry_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    world, seen = World(Quick(), Away(failures=1, knows=True)), []

    async def look(seconds: float) -> None:
        seen.append(world.processor.pause.why)

    monkeypatch.setattr(subject, "asyncio", SimpleNamespace(sleep=look))
    await world.processor.process(confluent())
    assert seen == ["no registry"]


async def test_permanently_unknown_registry_id_becomes_a_dead_letter() -> None:
    world, record = World(Quick(), Away(failures=0, knows=False)), confluent()
    while not world.broker.sent or world.broker.sent[-1].topic != "scan.dlq":
        await world.processor.process(record)
        record = arrived(world.broker.sent[-1])
    headers = dict(world.broker.sent[-1].headers)
    assert (headers["dlq-code"], headers["dlq-attempts"]) == (b"schema", b"4")
    assert record.value == confluent().value


async def test_stage_is_paused_during_an_outage(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    async def look(seconds: float) -> None:
        seen.append(world.processor.pause.why)

    monkeypatch.setattr(subject, "asyncio", SimpleNamespace(sleep=look))
    world.outside.failures = [OutageError("no credentials")]
    await world.processor.process(received(uploaded()))
    assert seen == ["no credentials"]


def test_outage_with_changing_reasons_is_logged_once() -> None:
    reports: list[str] = []
    pause = OutagePause("scan", reports.append)
    with capture_logs() as logs:
        for offset in range(4):
            pause.hold(("media.uploaded", 0, offset), f"reason {offset % 2}")
        for offset in range(4):
            pause.over(("media.uploaded", 0, offset))
    assert [(line["event"], line["stage"]) for line in logs] == [("stage_paused", "scan"), ("stage_resumed", "scan")]
    assert reports == ["reason 0", ""]


async def test_stage_is_paused_until_no_record_waits(world: World) -> None:
    world.outside.failures = [PermanentError("infected", "EICAR")]
    world.broker.failures = [SendError("scan.dlq", "no such topic", final=False)] * 1000
    waiting = asyncio.create_task(world.processor.process(received(uploaded())))
    while not world.processor.pause.why:
        await asyncio.sleep(0)
    world.processor.pause.over(("media.uploaded", 0, 99))  # another record has ended well
    assert world.processor.pause.why == "scan.dlq: no such topic"
    waiting.cancel()  # as when its partition goes to another worker
    await asyncio.gather(waiting, return_exceptions=True)
    assert world.processor.pause.why == ""


async def test_dead_letter_waits_for_an_unavailable_store(world: World) -> None:
    record = received(uploaded())
    world.bucket.broken = OutageError("no bucket")
    ending = asyncio.create_task(world.processor.process(record))
    await asyncio.sleep(0)
    assert not world.broker.sent
    world.bucket.broken = None
    await asyncio.wait_for(ending, 25)
    assert [message.topic for message in world.broker.sent] == ["media.scanned"]


async def test_record_past_its_deadline_is_retried(world: World) -> None:
    await world.processor.on_deadline(received(uploaded()))
    [again] = world.broker.sent
    assert (again.topic, dict(again.headers)["retry-code"]) == ("scan.retry", b"deadline")


async def test_record_that_always_exceeds_its_deadline_becomes_a_dead_letter(world: World) -> None:
    record = received(uploaded())
    for _ in range(8):
        await world.processor.on_deadline(record)
        record = arrived(world.broker.sent[-1])
    assert [message.topic for message in world.broker.sent] == ["scan.retry"] * 7 + ["scan.dlq"]
    assert dict(record.headers)["dlq-code"] == b"deadline"


async def test_deadline_counts_against_the_retry_policy_of_the_stage() -> None:
    [scan] = get_stages(["scan"])
    world = World(Quick(), stage=dataclasses.replace(scan, retry_policy=RetryPolicy(max_attempts=1)))
    await world.processor.on_deadline(received(uploaded()))
    assert [message.topic for message in world.broker.sent] == ["scan.dlq"]


async def test_repeated_throttling_increases_the_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: float) -> None: ...

    monkeypatch.setattr(subject, "asyncio", SimpleNamespace(sleep=at_once))
    world = World(Longest())
    waits, record = [], received(uploaded())
    for _ in range(8):
        world.outside.failures = [ThrottledError("slow down")] * 4
        await world.processor.process(record)
        if world.broker.sent[-1].topic != "scan.retry":
            break
        waits.append(int(dict(world.broker.sent[-1].headers)["retry-after-ms"] or 0))
        record = arrived(world.broker.sent[-1])
    assert waits == sorted(waits)
    assert waits[-1] == 10_000


def upload_of(number: int) -> ConsumerRecord:
    return received(uploaded(asset(f"{number}.mkv")))


async def fail(world: World, count: int, *errors: Exception) -> None:
    """Let records of different keys fail with internal errors."""
    for number in range(count):
        world.outside.failures = [errors[number % len(errors)]]
        await asyncio.wait_for(world.processor.process(upload_of(number)), 25)


async def test_many_files_that_cause_one_internal_error_do_not_stop_others(world: World) -> None:
    await world.ends_in()
    await fail(world, 100, ValueError("could not convert string to float: '.'"))
    await world.ends_in()
    topics = [message.topic for message in world.broker.sent]
    assert topics == ["media.scanned"] + ["scan.dlq"] * 100 + ["media.scanned"]


async def test_open_circuit_breaker_pauses_the_stage_and_closes_after_a_successful_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 0.2)
    monkeypatch.setattr(subject, "ADMISSION_POLL_SECONDS", 0.01)
    world = World(Quick())
    await fail(world, 20, ValueError("1"), KeyError("2"), TypeError("3"))
    failed = len(world.broker.sent)
    waiting = [asyncio.create_task(world.processor.process(upload_of(number))) for number in range(30)]
    await asyncio.sleep(0)
    assert world.processor.pause.why == "20 of the last 20 records failed with an internal error: KeyError"
    await asyncio.wait_for(asyncio.gather(*waiting), 50)
    assert [message.topic for message in world.broker.sent[failed:]] == ["media.scanned"] * 30
    assert world.processor.pause.why == ""


async def test_internal_error_of_a_record_that_succeeded_before_opens_the_breaker(world: World) -> None:
    await world.ends_in()
    monkey = [RuntimeError("a fault in the stage")] * 41
    for number in range(20):
        world.outside.failures = list(monkey)
        await world.processor.process(upload_of(number))
    waiting = asyncio.create_task(world.processor.process(upload_of(0)))
    await asyncio.sleep(0)
    assert "internal error: RuntimeError" in world.processor.pause.why
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_deadline_while_the_breaker_is_open_counts_no_attempt(world: World) -> None:
    await fail(world, 20, ValueError("1"), KeyError("2"), TypeError("3"))
    await world.processor.on_deadline(upload_of(1))
    headers = dict(world.broker.sent[-1].headers)
    assert (world.broker.sent[-1].topic, headers["retry-attempts"]) == ("scan.retry", b"0")


async def test_letter_of_a_job_names_its_asset() -> None:
    [labels] = get_stages(["labels"])
    world, video = World(Quick(), stage=labels), ready(kind="video", duration_seconds=9.0)
    await world.ends_in(received(video))
    token = job_token("labels", video.asset, labels.result_name)
    world.broker.sent.clear()
    assert await world.ends_in(received(job_finished(token, status="failed", message="codec vp9"))) == ["labels.dlq"]
    [letter] = world.broker.sent
    assert letter.key == token.encode()
    assert dict(letter.headers)["dlq-asset"] == b"media/photos/cat.jpg"


async def test_letter_of_an_asset_does_not_repeat_its_key(world: World) -> None:
    world.outside.failures = [PermanentError("unreadable", "no moov atom")]
    assert await world.ends_in() == ["scan.dlq"]
    assert "dlq-asset" not in dict(world.broker.sent[0].headers)
