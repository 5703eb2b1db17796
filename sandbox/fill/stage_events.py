"""Generate the event of each stage for one asset. Pure."""

from __future__ import annotations

from random import Random

from headrace.sandbox.fill.results import MODEL, ResultSource
from headrace.schemas.records import (
    Asset,
    Charge,
    Event,
    MediaCompleted,
    MediaLabelled,
    MediaModerated,
    MediaProbed,
    MediaReady,
    MediaScanned,
    MediaThumbnailed,
    MediaTranscribed,
    Picture,
    StageFailure,
)

FAILED, FAILURE = "job_failed", "InternalServerError: the service failed to process the video"
SECONDS = 60.0
CHARGES = {
    stage: (Charge(service=service, operation=operation, units=1.0, unit="minute", usd=usd),)
    for stage, service, operation, usd in (
        ("labels", "rekognition", "StartLabelDetection", 0.1),
        ("moderation", "rekognition", "StartContentModeration", 0.1),
        ("transcript", "transcribe", "StartTranscriptionJob", 0.024),
    )
}
"""The stages that start a job, with the charge of one minute."""


def free_result(stage: str, asset: Asset, random: Random, results: ResultSource) -> Event:
    """Return the event of a stage without a job."""
    digest = f"{random.getrandbits(256):064x}"
    match stage:
        case "thumbnails":
            return MediaThumbnailed(
                asset=asset, pictures=(Picture(location=results.thumbnail.pointer, width=640, height=360),)
            )
        case "scan":
            return MediaScanned(asset=asset, engine="generated", content_type="video/mp4", sha256=digest)
        case "probe":
            return MediaProbed(
                asset=asset,
                kind="video",
                format="mov,mp4",
                duration_seconds=SECONDS,
                width=1920,
                height=1080,
                video_codec="h264",
                audio_codec="aac",
                frame_rate=25.0,
                bit_rate=4_000_000,
            )
        case _:
            return MediaReady(
                asset=asset,
                content_type="video/mp4",
                sha256=digest,
                kind="video",
                format="mov,mp4",
                duration_seconds=SECONDS,
                width=1920,
                height=1080,
                video_codec="h264",
                audio_codec="aac",
                frame_rate=25.0,
                bit_rate=4_000_000,
            )


def job_result(stage: str, number: int, asset: Asset, results: ResultSource) -> Event:
    """Return the event of a finished job."""
    charges = CHARGES[stage]
    match stage:
        case "labels":
            stored = results.labels(number)
            return MediaLabelled(
                asset=asset,
                labels=stored.labels,
                label_count=len(stored.labels),
                model=MODEL,
                result=stored.pointer,
                charges=charges,
            )
        case "moderation":
            stored = results.moderation(number)
            return MediaModerated(
                asset=asset,
                flags=stored.labels,
                flag_count=len(stored.labels),
                model=MODEL,
                result=stored.pointer,
                charges=charges,
            )
        case _:
            stored = results.transcript(number)
            return MediaTranscribed(
                asset=asset,
                language="en-US",
                excerpt=stored.text[:300],
                words=len(stored.text.split()),
                result=stored.pointer,
                charges=charges,
            )


def completed(asset: Asset, expected: tuple[str, ...], failure: str) -> MediaCompleted:
    """Return the fan-in of all expected stages; `failure` names the failed one, if any."""
    succeeded = tuple(stage for stage in expected if stage != failure)
    return MediaCompleted(
        asset=asset,
        succeeded=succeeded,
        failed=(StageFailure(stage=failure, code=FAILED, reason=FAILURE),) if failure else (),
        usd=round(sum(charge.usd for stage in succeeded for charge in CHARGES.get(stage, ())), 6),
    )
