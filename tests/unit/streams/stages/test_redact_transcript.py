"""Tests of the stage that transcribes speech without personal data."""

from __future__ import annotations

import random
from typing import Any

import pytest

from headrace.schemas.records import JobStarted, TranscriptRedacted
from headrace.streams import pipeline
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome
from headrace.streams.engine.runner import Runner
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.pipeline_config import PipelineConfig, PipelineConfigError
from headrace.streams.results import ResultsStore
from headrace.streams.stages.redact_transcript import redact_transcript_stage, summarize
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, job_finished, ready, received
from tests.unit.streams.media.test_redacted_speech import answer, mark, word

CARD = answer(
    "My card is [PII].", word("My", 0, 1), word("card", 1, 2), word("is", 2, 3), word("[PII]", 3, 6), mark(".")
)


async def run(services: FakeServices, bucket: MemoryBucket, **completion: Any) -> Outcome:
    """Start a job for a video, complete it, and return the outcome of the completion."""
    results = ResultsStore(bucket)
    context = RunnerContext(
        CODEC, results, services.services(results), UnlimitedSlots(), PRICES, lambda: NOW, random.Random(1)
    )
    runner = Runner(redact_transcript_stage("en-US", options=("language=en-US",)), context)
    film = ready(kind="video", content_type="video/mp4", duration_seconds=60.0, audio_codec="aac")
    outcome = await runner.run(received(film))
    assert isinstance(outcome, Done)
    job = CODEC.decode(outcome.events[0].value)
    assert isinstance(job, JobStarted)
    return await runner.run(received(job_finished(job.token, **completion)))


async def test_stores_the_redacted_transcript_and_subtitles() -> None:
    bucket, services = MemoryBucket(), FakeServices(speech_answer=CARD)
    outcome = await run(services, bucket)
    assert isinstance(outcome, Done)
    event = CODEC.decode(outcome.events[0].value)
    assert isinstance(event, TranscriptRedacted)
    assert (event.redactions, event.no_speech) == (1, False)
    assert bucket.objects[event.result.key] == CARD
    assert event.subtitles is not None
    assert b"00:00:00.000 --> 00:00:06.000\nMy card is [PII]." in bucket.objects[event.subtitles.key]
    assert ("start_redacted", "en-US") in services.calls


async def test_removal_without_a_time_is_a_dead_letter() -> None:
    outcome = await run(FakeServices(speech_answer=answer("My name is [PII].")), MemoryBucket())
    assert isinstance(outcome, Dead)
    assert outcome.code == "invalid_result"


async def test_audio_without_speech_is_an_empty_transcript() -> None:
    outcome = await run(FakeServices(), MemoryBucket(), status="failed", message="no speech segment long enough")
    assert isinstance(outcome, Done)
    event = CODEC.decode(outcome.events[0].value)
    assert isinstance(event, TranscriptRedacted)
    assert event.no_speech
    assert event.subtitles is None
    assert summarize(event) == "no words"


@pytest.mark.parametrize(
    ("settings", "message"),
    [({}, "language is missing"), ({"language": "en-GB"}, "Amazon Transcribe redacts de-CH, de-DE, en-US")],
)
def test_language_must_be_one_that_transcribe_redacts(settings: dict[str, str], message: str) -> None:
    with pytest.raises(PipelineConfigError, match=message):
        pipeline.stages(PipelineConfig({"redact-transcript": {"on": True, **settings}}))
