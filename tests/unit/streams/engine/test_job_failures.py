"""Tests that a failed job ends with the service's own reason, or with a result if its failure is one."""

from __future__ import annotations

import random
from typing import Any

import pytest

from headrace.sandbox.ai.transcribe.job import NO_SPEECH
from headrace.schemas.ids import job_token
from headrace.schemas.records import JobFinished, MediaLabelled, MediaTranscribed
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome, Retry
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import PermanentError, ThrottledError, TransientError
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.results import ResultsStore
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, job_finished, ready, received
from tests.support.stages import get_stages

VIDEO = ready(kind="video", audio_codec="aac", duration_seconds=9.0)
WITHOUT_REASON = (None, "", "FAILED", "ERROR", "failed", "CANCELED")
"""Messages of completions by SNS: none, or the status word."""


class FailedJob:
    """A stage with a started job."""

    def __init__(self, stage: str) -> None:
        self.stage = get_stages([stage])[0]
        self.services = FakeServices()
        results = ResultsStore(MemoryBucket())
        context = RunnerContext(
            CODEC, results, self.services.services(results), UnlimitedSlots(), PRICES, lambda: NOW, random.Random(1)
        )
        self.runner = Runner(self.stage, context)

    def completion(self, **changes: Any) -> JobFinished:
        token = job_token(self.stage.name, VIDEO.asset, self.stage.result_name)
        return job_finished(token, **{"status": "failed", **changes})

    async def run(self, **changes: Any) -> Outcome:
        await self.runner.run(received(VIDEO))
        return await self.runner.run(received(self.completion(**changes)))


@pytest.fixture
def labels() -> FailedJob:
    return FailedJob("labels")


@pytest.mark.parametrize("message", WITHOUT_REASON)
async def test_asks_the_service_once_for_the_reason(labels: FailedJob, message: str | None) -> None:
    labels.services.ended = labels.completion(message="InvalidVideoFormat: codec vp9")
    outcome = await labels.run(message=message)
    assert outcome == Dead("job_failed", "InvalidVideoFormat: codec vp9", "PermanentError")
    assert labels.services.asked("completion_of") == 1


async def test_does_not_ask_for_a_reason_that_the_completion_has(labels: FailedJob) -> None:
    outcome = await labels.run(message="codec not supported")
    assert outcome == Dead("job_failed", "codec not supported", "PermanentError")
    assert labels.services.asked("completion_of") == 0


async def test_keeps_the_code_of_a_lost_job(labels: FailedJob) -> None:
    outcome = await labels.run(code="timeout", message="it has not completed")
    assert outcome == Dead("timeout", "it has not completed", "PermanentError")


async def test_waits_for_a_job_that_the_service_says_is_running(labels: FailedJob) -> None:
    outcome = await labels.run()
    assert isinstance(outcome, Retry)
    assert not outcome.counts


async def test_fetches_the_result_of_a_job_that_succeeded(labels: FailedJob) -> None:
    labels.services.ended = labels.completion(status="succeeded")
    outcome = await labels.run(message="FAILED")
    assert isinstance(outcome, Done)
    assert isinstance(CODEC.decode(outcome.events[0].value), MediaLabelled)


async def test_dead_letter_says_that_the_service_gave_no_details(labels: FailedJob) -> None:
    await labels.runner.run(received(VIDEO))
    labels.services.failures = [PermanentError("InvalidJobIdException", "the job is not known")]
    outcome = await labels.runner.run(received(labels.completion(message="FAILED")))
    assert isinstance(outcome, Dead)
    assert (outcome.code, outcome.why) == (
        "job_failed",
        "FAILED (rekognition gave no details: the job is not known)",
    )


@pytest.mark.parametrize("failure", [ThrottledError("rate"), TransientError("no answer")])
async def test_retries_a_lookup_that_failed(labels: FailedJob, failure: Exception) -> None:
    await labels.runner.run(received(VIDEO))
    labels.services.failures = [failure]
    assert isinstance(await labels.runner.run(received(labels.completion())), Retry)


@pytest.mark.parametrize("in_event", [True, False])
async def test_audio_without_speech_is_an_empty_transcript(in_event: bool) -> None:
    transcript = FailedJob("transcript")
    transcript.services.ended = transcript.completion(message=NO_SPEECH)
    outcome = await transcript.run(message=NO_SPEECH if in_event else None)
    assert isinstance(outcome, Done)
    event = CODEC.decode(outcome.events[0].value)
    assert isinstance(event, MediaTranscribed)
    assert (event.words, event.no_speech, event.charges, event.subtitles) == (0, True, (), None)
    assert await transcript.run(message=NO_SPEECH) == Done(outcome.events, how="stored")
