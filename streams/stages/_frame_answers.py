"""Detect in the sampled frames of a video, and merge the answers into one of the form that the video API returns.

Answers are stored as they arrive, a few at a time: a retry does not pay again for frames that were answered.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headrace.schemas.records import Charge, MediaReady
from headrace.streams.service_results import VisionResult
from headrace.streams.services import Services
from headrace.streams.stages._frames import SampledFrame, picture_of, sampled_frames
from headrace.streams.vision_features import VISION_FEATURES, Feature, FeatureSpec

BATCH = 10
"""Frames that are sent at the same time: the largest number that is paid for again after a crash."""


class FrameAnswer(msgspec.Struct, frozen=True):
    """The stored answer for the frame at a position in seconds."""

    at: float
    model: str
    answer: msgspec.Raw
    charges: tuple[Charge, ...]


@dataclass(slots=True)
class FrameAnswers:
    """The stored answers of a result, in files of one batch each."""

    media: MediaReady
    services: Services
    found: dict[float, FrameAnswer]
    files: int

    async def add(self, answers: Sequence[FrameAnswer]) -> None:
        """Store the answers of a batch."""
        if answers:
            content = msgspec.json.encode(answers)
            await self.services.blobs.put_blob(self.media.asset, self._name(), content, "application/json")
            self.files += 1
            self.found |= {each.at: each for each in answers}

    async def load(self) -> None:
        """Read the answers of earlier attempts."""
        blobs = self.services.blobs
        while stored := await blobs.find_blob(self.media.asset, self._name(), "application/json"):
            answers = msgspec.json.decode(await blobs.read(stored), type=tuple[FrameAnswer, ...])
            self.found |= {each.at: each for each in answers}
            self.files += 1

    def _name(self) -> str:
        return f"{self.services.result_name}.frames-{self.files:03}.json"


async def detect_in_frames(feature: Feature, media: MediaReady, services: Services) -> VisionResult:
    """Analyse the sampled frames of a video; each detection has the times of its frame.

    Raises:
        StageError: a frame could not be analysed. The answers for other frames are kept for the next attempt.
    """
    frames = await sampled_frames(media, services)
    answers = FrameAnswers(media, services, {}, 0)
    await answers.load()
    missing = [frame for frame in frames if frame.at not in answers.found]
    for first in range(0, len(missing), BATCH):
        await _answer(feature, missing[first : first + BATCH], answers)
    return merge(VISION_FEATURES[feature], frames, answers.found)


async def _answer(feature: Feature, frames: Sequence[SampledFrame], answers: FrameAnswers) -> None:
    """Send frames at the same time, store what was answered, and raise the first error."""
    calls = [answers.services.vision.detect(feature, picture_of(frame)) for frame in frames]
    results = await asyncio.gather(*calls, return_exceptions=True)
    await answers.add(
        [
            FrameAnswer(frame.at, result.model, msgspec.Raw(result.answer), result.charges)
            for frame, result in zip(frames, results, strict=True)
            if not isinstance(result, BaseException)
        ]
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result


def merge(spec: FeatureSpec, frames: Sequence[SampledFrame], answers: Mapping[float, FrameAnswer]) -> VisionResult:
    """Merge the answers for frames: every detection at each time at which the video shows its frame."""
    timed: list[tuple[float, Mapping[str, Any]]] = []
    for frame in frames:
        response: Mapping[str, Any] = msgspec.json.decode(answers[frame.at].answer)
        timed += [(at, detection) for detection in response.get(spec.image_field, ()) for at in frame.times]
    timed.sort(key=lambda each: each[0])
    model = next((answers[frame.at].model for frame in frames), "")
    merged = {
        "SampledFrames": [frame.at for frame in frames],
        spec.video_field: [{"Timestamp": round(at * 1000), spec.one: detection} for at, detection in timed],
    }
    if spec.model:
        merged[spec.model] = model
    charges = total_charges(charge for frame in frames for charge in answers[frame.at].charges)
    return VisionResult(spec.records(timed), model, msgspec.json.encode(merged), charges)


def total_charges(charges: Iterable[Charge]) -> tuple[Charge, ...]:
    """Add up the charges of each operation."""
    groups: defaultdict[tuple[str, str, str], list[Charge]] = defaultdict(list)
    for charge in charges:
        groups[charge.service, charge.operation, charge.unit].append(charge)
    return tuple(
        Charge(
            service=service,
            operation=operation,
            units=sum(each.units for each in group),
            unit=unit,
            usd=round(sum(each.usd for each in group), 6),
        )
        for (service, operation, unit), group in groups.items()
    )
