"""A stage with `reuse` does not pay twice for one content, and loses no record for it."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from headrace.schemas import topics
from headrace.schemas.records import Asset, MediaLabelled, MediaTranscribed
from headrace.streams.engine.dlq import RedriveInfo, dead_letter, redrive_record
from headrace.streams.engine.outcome import Dead, Done, Retry
from headrace.streams.errors import ObjectGone, OutageError, PermanentError, TransientError
from headrace.streams.handlers import Transform
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.result_paths import version_folder
from headrace.streams.reuse.waiting import CODE, ResultWaiters
from headrace.streams.stage import Stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.records import NOW, arrived, received, uploaded
from tests.support.stages import get_stages
from tests.unit.streams.reuse.world import World, completion, image, opened, reusing, video

LABELS = reusing("labels")
FIRST, SECOND = received(image("a.jpg")), received(image("b.jpg"))


@pytest.fixture
def world() -> World:
    return World()


async def test_repeats_the_result_of_identical_content_without_a_call(world: World) -> None:
    [sent] = await world.done(LABELS, FIRST)
    [again] = await world.done(LABELS, SECOND)
    (first, cause), (second, metadata) = opened(sent), opened(again)
    assert world.services.asked("detect") == 1
    assert isinstance(second, MediaLabelled)
    assert second.labels == first.labels
    assert (second.asset.key, second.charges) == ("b.jpg", ())
    assert (metadata.reused_from, metadata.saved_usd) == ("media/a.jpg@e1", "0.001000")
    assert (cause.reused_from, cause.saved_usd) == ("", "")
    assert metadata.id != cause.id
    assert again.key == b"media/b.jpg"
    assert await world.results.read(second.result) == b"{}"
    assert second.result.key.startswith(version_folder(second.asset))


async def test_repeats_nothing_unless_the_stage_reuses(world: World) -> None:
    [labels] = get_stages(["labels"])
    await world.done(LABELS, FIRST)
    [sent] = await world.done(labels, SECOND)
    assert world.services.asked("detect") == 2
    assert opened(sent)[1].reused_from == ""


@pytest.mark.parametrize(
    "other",
    [
        reusing("labels", version=2),
        reusing("labels", epoch=1),
        reusing("labels", options=("minimum=80",)),
        reusing("moderation"),
    ],
    ids=["version", "epoch", "options", "stage"],
)
async def test_another_version_epoch_option_or_stage_is_a_call(world: World, other: Stage) -> None:
    await world.done(LABELS, FIRST)
    await world.done(other, SECOND)
    assert world.services.asked("detect") == 2


async def test_other_content_and_other_settings_are_calls(world: World) -> None:
    await world.done(LABELS, FIRST, ["language=en-US"])
    await world.done(LABELS, received(image("c.jpg", sha256="2" * 64)), ["language=en-US"])
    await world.done(LABELS, SECOND, ["language=de-DE"])
    assert world.services.asked("detect") == 3


async def test_tags_and_the_key_are_not_part_of_the_content(world: World) -> None:
    await world.done(LABELS, FIRST)
    await world.done(LABELS, received(image("b.png", tags={"team": "news"})))
    assert world.services.asked("detect") == 1


async def test_deletion_of_the_first_does_not_break_the_second(world: World) -> None:
    await world.done(LABELS, FIRST)
    [sent] = await world.done(LABELS, SECOND)
    folder = version_folder(image("a.jpg").asset)
    world.bucket.objects = {key: value for key, value in world.bucket.objects.items() if not key.startswith(folder)}
    [again] = await world.done(LABELS, SECOND)
    assert again == sent
    assert await world.results.read(opened(again)[0].result) == b"{}"


async def test_a_result_with_a_deleted_file_is_not_repeated(world: World) -> None:
    [sent] = await world.done(LABELS, FIRST)
    del world.bucket.objects[opened(sent)[0].result.key]
    [again] = await world.done(LABELS, SECOND)
    assert world.services.asked("detect") == 2
    assert opened(again)[1].reused_from == ""
    await world.done(LABELS, received(image("c.jpg")))
    assert world.services.asked("detect") == 2, "the second version holds the claim now"


async def test_a_deleted_result_is_made_again_once_the_claim_has_expired(world: World) -> None:
    await world.done(LABELS, FIRST)
    world.bucket.objects = {key: value for key, value in world.bucket.objects.items() if key.startswith("_content/")}
    assert isinstance(await world.runner(LABELS).run(SECOND), Retry)
    world.later(hours=2)
    await world.done(LABELS, SECOND)
    assert world.services.asked("detect") == 2


async def test_50_records_at_once_make_one_call(world: World) -> None:
    records = [received(image(f"{number}.jpg"), number) for number in range(50)]
    outcomes = await asyncio.gather(*[world.ends(LABELS, record) for record in records])
    assert [type(outcome) for outcome in outcomes] == [Done] * 50
    assert world.services.asked("detect") == 1
    assert len({outcome.events[0].key for outcome in outcomes if isinstance(outcome, Done)}) == 50
    assert sum(isinstance(outcome, Done) and outcome.how == "reused" for outcome in outcomes) == 49


class SlowService(FakeServices):
    """A service that answers once `may_answer` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def detect(self, *call: Any) -> Any:
        found = await super().detect(*call)
        await self.may_answer.wait()
        return found


async def test_a_waiting_record_is_woken_by_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.streams.reuse.waiting.LOOK_AGAIN_SECONDS", 3600.0)
    world = World(services=(service := SlowService()))
    world.waiters = ResultWaiters([LABELS], 10)
    first = asyncio.create_task(world.ends(LABELS, FIRST))
    second = asyncio.create_task(world.ends(LABELS, SECOND))
    while not world.waiters.is_waiting(second):
        await asyncio.sleep(0)
    service.may_answer.set()
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(first, second)
    assert [outcome.how for outcome in outcomes if isinstance(outcome, Done)] == ["ran", "reused"]
    assert not world.waiters.is_waiting(second)


async def test_a_waiting_record_is_woken_by_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.streams.reuse.waiting.LOOK_AGAIN_SECONDS", 3600.0)
    waiters = ResultWaiters([LABELS], 10)
    begun = waiters.begin()
    waiting = asyncio.create_task(waiters.wait("labels", b"media/a.jpg", begun))
    await asyncio.sleep(0)
    letter = replace(received(image("c.jpg")), topic=topics.dead_letters("labels").name)
    waiters.take(letter)
    async with asyncio.timeout(30):
        await waiting
        await waiters.wait("labels", b"media/b.jpg", begun)


async def test_waiting_records_beyond_the_limit_go_to_the_retry_topic() -> None:
    world = World(services=SlowService())
    world.waiters = ResultWaiters([LABELS], 1)
    tasks = [asyncio.create_task(world.runner(LABELS).run(received(image(f"{n}.jpg")))) for n in range(2)]
    while not world.waiters.is_waiting(tasks[1]):
        await asyncio.sleep(0)
    outcome = await world.runner(LABELS).run(received(image("c.jpg")))
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.counts) == (CODE, False)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not world.waiters.is_waiting(tasks[1])


class CountingSlots(UnlimitedSlots):
    """Slots that count the jobs that asked for one."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    async def acquire(self, token: str, seconds: float) -> bool:
        self.tokens.append(token)
        return True


async def test_identical_videos_start_one_job_and_the_others_hold_no_slot(world: World) -> None:
    slots = CountingSlots()
    records = [video(f"{number}.mp4") for number in range(5)]
    outcomes = [await world.runner(LABELS, slots=slots).run(received(each)) for each in records]
    assert [type(each) for each in outcomes] == [Done, *[Retry] * 4]
    assert len(slots.tokens) == world.services.asked("start") == 1
    [finished] = await world.done(LABELS, completion(LABELS, records[0]))
    assert len(opened(finished)[0].charges) == 1
    for each in records[1:]:
        [sent] = await world.done(LABELS, received(each))
        assert opened(sent)[1].saved_usd == "0.100000"
    assert world.services.asked("start") == 1


async def test_a_dead_letter_lets_the_next_record_run(world: World) -> None:
    world.services.failures = [PermanentError("unreadable", "not an image")]
    assert isinstance(await world.ends(LABELS, FIRST), Dead)
    [sent] = await world.done(LABELS, SECOND)
    assert world.services.asked("detect") == 2
    assert opened(sent)[1].reused_from == ""
    [redriven] = await world.done(LABELS, FIRST)
    assert opened(redriven)[1].reused_from == "media/b.jpg@e1"


async def test_records_that_waited_for_a_failed_job_get_the_same_dead_letter(world: World) -> None:
    first, second, third = (video(f"{name}.mp4") for name in "abc")
    await world.done(LABELS, received(first))
    assert isinstance(await world.runner(LABELS).run(received(second)), Retry)
    failed = completion(LABELS, first, status="failed", message="no frames", code="bad_media")
    assert isinstance(await world.ends(LABELS, failed), Dead)
    letter = await world.ends(LABELS, received(second))
    assert isinstance(letter, Dead)
    assert letter.code == "bad_media"
    assert letter.why == "no frames (job of media/a.mp4@e1, the same content)"
    assert world.services.asked("start") == 1
    world.later(hours=1)
    later = replace(received(third), timestamp=world.now.timestamp())
    await world.done(LABELS, later)
    assert world.services.asked("start") == 2


async def test_a_redriven_record_does_not_repeat_the_failure_of_another_job(world: World) -> None:
    first, second = video("a.mp4"), video("b.mp4")
    await world.done(LABELS, received(first))
    failed = completion(LABELS, first, status="failed", message="no frames")
    assert isinstance(await world.ends(LABELS, failed), Dead)
    dead = await world.ends(LABELS, received(second))
    assert isinstance(dead, Dead)
    letter = arrived(dead_letter(LABELS, received(second), dead, 1, NOW))
    await world.done(LABELS, arrived(redrive_record(letter, RedriveInfo("r1", "ann"))))
    assert world.services.asked("start") == 2


async def test_a_redriven_record_holds_its_claim_again(world: World) -> None:
    world.services.failures = [PermanentError("unreadable", "not an image"), TransientError("time-out")]
    assert isinstance(await world.ends(LABELS, FIRST), Dead)
    assert isinstance(await world.runner(LABELS).run(FIRST), Retry)
    assert isinstance(await world.runner(LABELS).run(SECOND), Retry)
    await world.done(LABELS, FIRST)
    await world.done(LABELS, SECOND)
    assert world.services.asked("detect") == 3


async def test_a_deleted_object_lets_the_next_record_run(world: World) -> None:
    world.services.failures = [ObjectGone("deleted")]
    assert isinstance(await world.runner(LABELS).run(FIRST), Done)
    await world.done(LABELS, SECOND)
    assert world.services.asked("detect") == 2


async def test_a_lost_record_holds_its_claim_for_an_hour(world: World) -> None:
    world.services.failures = [TransientError("time-out")]
    await world.runner(LABELS).run(FIRST)
    assert isinstance(await world.runner(LABELS).run(SECOND), Retry)
    world.later(minutes=61)
    await world.done(LABELS, SECOND)
    [sent] = await world.done(LABELS, FIRST)
    assert opened(sent)[1].reused_from == "media/b.jpg@e1"


async def test_each_attempt_extends_the_claim(world: World) -> None:
    world.services.failures = [TransientError("time-out")] * 2
    await world.runner(LABELS).run(FIRST)
    world.later(minutes=45)
    await world.runner(LABELS).run(FIRST)
    world.later(minutes=45)
    assert isinstance(await world.runner(LABELS).run(SECOND), Retry)


async def test_a_job_whose_claim_was_taken_over_while_it_waited_for_a_slot_is_not_started(world: World) -> None:
    class Late(UnlimitedSlots):
        released = 0

        async def acquire(self, token: str, seconds: float) -> bool:
            world.later(hours=2)
            await world.done(LABELS, received(video("b.mp4")))
            return True

        async def release(self, token: str) -> None:
            self.released += 1

    slots = Late()
    outcome = await world.runner(LABELS, slots=slots).run(received(video("a.mp4")))
    assert isinstance(outcome, Retry)
    assert world.services.asked("start") == slots.released == 1


def newer(of: Asset) -> Asset:
    """Return the next version of an object."""
    return replace(of, version="e2", etag="e2", sequencer="0B")


async def test_a_second_version_with_the_same_content_waits_for_the_job_of_the_first(world: World) -> None:
    old = video("a.mp4")
    new = replace(old, asset=newer(old.asset))
    await world.done(LABELS, received(old))
    await world.done(get_stages(["scan"])[0], received(uploaded(new.asset)))
    assert isinstance(await world.runner(LABELS).run(received(new)), Retry)
    outcome = await world.runner(LABELS).run(completion(LABELS, old))
    assert isinstance(outcome, Done)
    assert outcome.how == "superseded"
    [sent] = await world.done(LABELS, received(new))
    assert opened(sent)[1].reused_from == "media/a.mp4@e1"
    assert world.services.asked("start") == 1


async def test_the_failed_job_of_a_superseded_version_is_no_dead_letter(world: World) -> None:
    old = video("a.mp4")
    new = replace(old, asset=newer(old.asset))
    await world.done(LABELS, received(old))
    await world.done(get_stages(["scan"])[0], received(uploaded(new.asset)))
    outcome = await world.runner(LABELS).run(completion(LABELS, old, status="failed", message="no frames"))
    assert isinstance(outcome, Done)
    assert (outcome.how, outcome.events) == ("superseded", ())
    await world.done(LABELS, received(new))
    assert world.services.asked("start") == 2


async def test_a_version_that_was_replaced_before_its_job_started_holds_no_claim(world: World) -> None:
    old = video("a.mp4")
    new = replace(old, asset=newer(old.asset))
    world.services.failures = [TransientError("time-out")]
    await world.runner(LABELS).run(received(old))
    await world.done(get_stages(["scan"])[0], received(uploaded(new.asset)))
    await world.done(LABELS, received(new))
    assert world.services.asked("start") == 2


class FailingBucket(MemoryBucket):
    """A bucket whose operation number `at` fails before or after its effect, as if the worker were killed there."""

    def __init__(self, at: int, after_effect: bool) -> None:
        super().__init__()
        self.left, self.after_effect = at, after_effect

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        self._cut(before=True)
        await super().put(key, content, content_type)
        self._cut(before=False)

    async def put_if(self, key: str, content: bytes, etag: str | None) -> bool:
        self._cut(before=True)
        stored = await super().put_if(key, content, etag)
        self._cut(before=False)
        return stored

    async def copy(self, source: str, target: str) -> bool:
        self._cut(before=True)
        copied = await super().copy(source, target)
        self._cut(before=False)
        return copied

    def _cut(self, before: bool) -> None:
        if before:
            self.left -= 1
        if self.left == 0 and before != self.after_effect:
            self.left -= 1
            raise OutageError("killed")


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("at", range(1, 8))
async def test_a_kill_at_any_effect_loses_nothing(at: int, after_effect: bool) -> None:
    world = World(FailingBucket(at, after_effect))
    outcomes = [await world.ends(LABELS, record) for record in (FIRST, SECOND)]
    assert [type(outcome) for outcome in outcomes] == [Done, Done]
    [sent] = outcomes[1].events if isinstance(outcomes[1], Done) else ()
    event, metadata = opened(sent)
    assert metadata.reused_from == "media/a.jpg@e1"
    assert await world.results.read(event.result) == b"{}"
    call_was_cut = at in (2, 3)  # the first version stores its answer, then its result
    assert world.services.asked("detect") == (2 if call_was_cut and not (at == 3 and after_effect) else 1)


async def reads(world: World, calls: list[str], key: str, words: int = 2) -> None:
    """Run a stage that reads transcripts and notes the key of each; transcripts with as many words are equal."""

    async def note(record: Any, services: Any) -> Any:
        calls.append(record.asset.key)
        return record

    stage = dataclasses.replace(LABELS, name="notes", when={}, handler=Transform(note))
    of = image(key).asset
    pointer = await world.results.put_blob(of, "transcript@1.answer.json", b"{}", "application/json")
    event = MediaTranscribed(asset=of, language="en", excerpt="", words=words, result=pointer, charges=())
    await world.done(stage, received(event))


async def test_a_stage_that_reads_a_result_reuses_if_that_is_equal_too(world: World) -> None:
    calls: list[str] = []
    for key, words in (("a.mp3", 2), ("b.mp3", 2), ("c.mp3", 3)):
        await world.done(get_stages(["scan"])[0], received(uploaded(image(key).asset)))
        await reads(world, calls, key, words)
    assert calls == ["a.mp3", "c.mp3"]


async def test_a_stage_that_reads_a_result_of_unknown_content_reuses_nothing(world: World) -> None:
    calls: list[str] = []
    await reads(world, calls, "a.mp3")
    await reads(world, calls, "b.mp3")
    assert calls == ["a.mp3", "b.mp3"]
