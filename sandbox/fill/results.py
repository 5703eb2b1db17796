"""Generate the stored results that events point to. Pure; many assets share one result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from headrace.sandbox.ai.transcribe import output_files
from headrace.sandbox.ai.transcribe.speech import RecognizedSpeech, SpokenSegment
from headrace.sandbox.fill.words import WordSource
from headrace.sandbox.names import ACCOUNT, RESULTS_BUCKET
from headrace.schemas.records import Label, Pointer

ASSETS_PER_TRANSCRIPT = 20
VISION_RESULTS = 64
SEGMENTS = 10
SECONDS_PER_SEGMENT = 6.0
MEDIA = Path(__file__).parents[1] / "media"
MODEL = "generated"
ENGINE = "generated words; no speech model was run"

LABELS = (
    ("Person", ""),
    ("Car", "Vehicle"),
    ("Bicycle", "Vehicle"),
    ("Dog", "Animal"),
    ("Cat", "Animal"),
    ("Tree", "Plant"),
    ("Bottle", "Container"),
    ("Building", "Architecture"),
    ("Beach", "Nature"),
    ("Mountain", "Nature"),
    ("Food", ""),
    ("Guitar", "Musical Instrument"),
    ("Computer", "Electronics"),
    ("Chair", "Furniture"),
    ("Boat", "Vehicle"),
    ("Flower", "Plant"),
)
FLAGS = (("Alcohol", ""), ("Smoking", ""), ("Violence", ""), ("Weapons", "Violence"))


@dataclass(frozen=True, slots=True)
class GeneratedResult:
    """The content of one stored result, its location, and the parts of it that an event contains."""

    content: bytes
    pointer: Pointer
    text: str = ""
    labels: tuple[Label, ...] = ()


class ResultSource:
    """Returns the result of each asset by its number: the same seed gives the same bytes."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.words = WordSource(seed)
        self.thumbnail = self._result("thumbnail.jpg", (MEDIA / "bottles.jpg").read_bytes(), "image/jpeg")
        self._transcript = lru_cache(maxsize=64)(self._new_transcript)
        self._vision = lru_cache(maxsize=2 * VISION_RESULTS)(self._new_vision)

    def transcript(self, number: int) -> GeneratedResult:
        """Return the transcript of an asset; consecutive assets share one."""
        return self._transcript(number // ASSETS_PER_TRANSCRIPT)

    def labels(self, number: int) -> GeneratedResult:
        """Return the labels of an asset."""
        return self._vision("labels", number % VISION_RESULTS)

    def moderation(self, number: int) -> GeneratedResult:
        """Return the moderation labels of an asset. Most assets have none."""
        return self._vision("moderation", number % VISION_RESULTS)

    def stored(self, assets: int) -> list[GeneratedResult]:
        """List the results of that many assets, each once."""
        transcripts = [self.transcript(number) for number in range(0, assets, ASSETS_PER_TRANSCRIPT)]
        vision = [make(number) for make in (self.labels, self.moderation) for number in range(VISION_RESULTS)]
        return [self.thumbnail, *transcripts, *vision]

    def _new_transcript(self, number: int) -> GeneratedResult:
        random = Random(f"transcript/{self._seed}/{number}")
        segments = tuple(
            SpokenSegment(at * SECONDS_PER_SEGMENT, (at + 1) * SECONDS_PER_SEGMENT, self.words.sentence(random))
            for at in range(SEGMENTS)
        )
        speech = RecognizedSpeech(segments, ENGINE, synthetic=True)
        answer = output_files.document(f"transcript-{number}", ACCOUNT, speech, "en-US")
        text = " ".join(segment.text for segment in segments)
        return self._json(f"transcript-{number}", answer, text)

    def _new_vision(self, stage: str, number: int) -> GeneratedResult:
        random = Random(f"{stage}/{self._seed}/{number}")
        if stage == "labels":
            names, field, one = random.sample(LABELS, 5), "Labels", "Label"
        else:
            names = random.sample(FLAGS, 1) if number % 8 == 0 else []
            field, one = "ModerationLabels", "ModerationLabel"
        detections: list[dict[str, Any]] = []
        best: dict[str, Label] = {}
        for name, parent in names:
            for at in sorted(random.sample(range(0, 60_000, 500), 3)):
                confidence = round(random.uniform(50, 100), 2)
                parents = [{"Name": parent}] if parent else []
                item = {"Name": name, "Confidence": confidence, "Parents": parents, "ParentName": parent}
                detections.append({"Timestamp": at, one: item})
                if name not in best or best[name].confidence < confidence:
                    best[name] = Label(name=name, confidence=confidence, parent=parent or None)
        labels = tuple(sorted(best.values(), key=lambda label: (-label.confidence, label.name)))
        return self._json(f"{stage}-{number}", {field: detections}, labels=labels)

    def _json(self, name: str, answer: object, text: str = "", labels: tuple[Label, ...] = ()) -> GeneratedResult:
        content = json.dumps(answer, separators=(",", ":")).encode()
        return replace(self._result(f"{name}.json", content, "application/json"), text=text, labels=labels)

    def _result(self, name: str, content: bytes, content_type: str) -> GeneratedResult:
        pointer = Pointer(
            bucket=RESULTS_BUCKET,
            key=f"_fill/{self._seed}/{name}",
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            content_type=content_type,
        )
        return GeneratedResult(content, pointer)
