"""`TrialExecutor` with a bucket in memory and no AWS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from headrace.console.errors import CommandError
from headrace.console.replay.trial import executor
from headrace.console.replay.trial.executor import TrialExecutor
from headrace.console.replay.trial.overlay_bucket import folder_of
from headrace.console.replay.trial.recorded_aws import REFUSED
from headrace.schemas import topics
from headrace.schemas.records import MediaReady, MediaScanned
from headrace.streams.errors import OutageError, PermanentError, StageError, TransientError
from headrace.streams.handlers import Transform
from headrace.streams.results import ResultsStore
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage
from tests.support.fake_services import MemoryBucket
from tests.support.records import CODEC, asset, envelope, raw, ready, received, scanned

Run = Callable[[MediaReady], MediaScanned]
Open = Callable[[Run], Any]


def result_of(record: MediaReady) -> MediaScanned:
    return scanned(record.asset)


def raising(error: StageError) -> Run:
    def run(_: MediaReady) -> MediaScanned:
        raise error

    return run


def stage(run: Run) -> Stage:
    async def transform(record: Any, _: Any) -> MediaScanned:
        return run(record)

    return Stage("scan", reads=(topics.READY,), writes=topics.SCANNED, handler=Transform(transform))


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def opened(bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open an executor for a stage that calls `run`."""

    @contextmanager
    def build(run: Run) -> Iterator[TrialExecutor]:
        monkeypatch.setattr(executor, "S3Bucket", lambda *_: bucket)
        monkeypatch.setattr(executor, "MAX_WAIT_SECONDS", 0.0)
        trial = TrialExecutor(stage(run), "trial", StreamSettings(results_bucket="results"), CODEC)
        try:
            yield trial
        finally:
            trial.close()

    return build


def store(bucket: MemoryBucket, record: MediaReady) -> None:
    """Store a live result for a record."""
    event = scanned(record.asset)
    put = ResultsStore(bucket).put(record.asset, "scan@1", event, envelope(event), "cause")
    asyncio.run(put)


def test_results_are_compared_with_the_stored_ones_and_written_apart(opened: Open, bucket: MemoryBucket) -> None:
    known, new = ready(asset("known.jpg")), ready(asset("new.jpg"))
    store(bucket, known)
    live = set(bucket.objects)
    with opened(result_of) as trial:
        same, added = trial.process([received(known), received(new, 1)])
    assert (same.diff.verdict, added.diff.verdict) == ("same", "new")
    assert [message.topic for message in (*same.messages, *added.messages)] == ["media.scanned"] * 2
    assert all(key.startswith(folder_of("trial")) for key in set(bucket.objects) - live)


def test_results_keep_the_order_of_the_records(opened: Open) -> None:
    records = [received(ready(asset(f"{number % 3}.jpg", version=str(number))), number) for number in range(9)]
    with opened(result_of) as trial:
        results = trial.process(records)
    assert [each.diff.record for each in results] == [f"media.ready/0/{number}" for number in range(9)]


def test_permanent_errors_become_dead_letters(opened: Open) -> None:
    with opened(raising(PermanentError("broken", "no moov atom"))) as trial:
        [result] = trial.process([received(ready())])
    assert (result.diff.verdict, result.diff.code) == ("unanswered", "broken")
    assert [message.topic for message in result.messages] == ["scan.dlq"]


def test_a_dead_letter_in_place_of_a_result_is_a_failure(opened: Open, bucket: MemoryBucket) -> None:
    store(bucket, ready())
    with opened(raising(PermanentError("broken", "no moov atom"))) as trial:
        [result] = trial.process([received(ready())])
    assert result.diff.verdict == "fails"


def test_billed_calls_are_refused(opened: Open) -> None:
    with opened(raising(PermanentError(REFUSED, "would be billed"))) as trial:
        [result] = trial.process([received(ready())])
    assert (result.diff.verdict, result.diff.code) == ("refused", REFUSED)


def test_transient_errors_are_retried_three_times(opened: Open) -> None:
    calls: list[str] = []

    def run(record: MediaReady) -> MediaScanned:
        calls.append(record.asset.key)
        raise TransientError("try later", "busy")

    with opened(run) as trial:
        [result] = trial.process([received(ready())])
    assert len(calls) == executor.MAX_ATTEMPTS
    assert (result.diff.code, result.diff.verdict) == ("busy", "unanswered")


def test_an_outage_stops_the_shadow_run(opened: Open) -> None:
    with opened(raising(OutageError("unreachable"))) as trial, pytest.raises(CommandError, match="unreachable"):
        trial.process([received(ready())])


def test_undecodable_records_become_dead_letters(opened: Open) -> None:
    with opened(result_of) as trial:
        [result] = trial.process([raw(b"junk", topic="media.ready")])
    assert (result.diff.verdict, result.diff.code) == ("unanswered", "decode")
