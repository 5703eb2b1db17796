"""Test doubles: a bucket in memory, and services with configured results."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.schemas.records import Asset, JobFinished, JobStarted, Label
from headrace.streams.errors import ObjectGone, StageError
from headrace.streams.media.content_check import ScanVerdict
from headrace.streams.media.media_input import MediaInput
from headrace.streams.results import ResultsStore
from headrace.streams.reuse.bucket import TaggedContent
from headrace.streams.service_results import Transcript, VisionResult
from headrace.streams.services import Services
from headrace.streams.vision_features import Feature
from tests.support.prices import PRICES


class MemoryBucket:
    """`streams.results.Bucket` in memory; `tests/contract/test_buckets.py` compares it with S3."""

    def __init__(self, name: str = "results") -> None:
        self.name = name
        self.objects: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.broken: StageError | None = None

    async def list(self, prefix: str, after: str) -> list[str]:
        self._called("list")
        return sorted(key for key in self.objects if key.startswith(prefix) and key > after)[:1000]

    async def get(self, key: str) -> bytes | None:
        self._called("get")
        return self.objects.get(key)

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        self._called("put")
        self.objects[key] = content

    async def get_tagged(self, key: str) -> TaggedContent | None:
        self._called("get_tagged")
        return TaggedContent(self.objects[key], _etag(self.objects[key])) if key in self.objects else None

    async def put_if(self, key: str, content: bytes, etag: str | None) -> bool:
        self._called("put_if")
        known = self.objects.get(key)
        if (None if known is None else _etag(known)) != etag:
            return False
        self.objects[key] = content
        return True

    async def copy(self, source: str, target: str) -> bool:
        self._called("copy")
        if source in self.objects:
            self.objects[target] = self.objects[source]
        return source in self.objects

    def _called(self, operation: str) -> None:
        self.calls.append(operation)
        if self.broken is not None:
            raise self.broken


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


@dataclass
class FakeServices:
    """All services in one object. `calls` lists the calls; each of `failures` makes one call fail."""

    path: Path = Path("/nonexistent")
    labels: tuple[Any, ...] = (Label(name="Cat", confidence=99.0),)
    speech_answer: bytes = b"{}"
    gone: bool = False
    tagged: dict[str, str] = field(default_factory=dict)
    ended: JobFinished | None = None
    """The completion that every job lookup returns."""
    more: Any = None
    """The other services: documents, language, voice and so on."""
    failures: list[Exception] = field(default_factory=list)
    calls: list[tuple[str, ...]] = field(default_factory=list)

    @asynccontextmanager
    async def fetched(self, asset: Asset) -> AsyncIterator[Path]:
        self.record_call("fetched", asset.key)
        if self.gone:
            raise ObjectGone("replaced")
        yield self.path

    async def tags(self, asset: Asset) -> dict[str, str]:
        self.record_call("tags", asset.key)
        return self.tagged

    async def scan(self, path: Path, name: str) -> ScanVerdict:
        self.record_call("scan", name)
        return ScanVerdict("test", "image/jpeg", "0" * 64)

    async def detect(self, feature: Feature, picture: MediaInput) -> VisionResult:
        self.record_call("detect", feature)
        return VisionResult(self.labels, "test-model", b"{}", (PRICES.charge("rekognition", "DetectLabels", 1),))

    async def with_model(self, project: str, version: str) -> FakeServices:
        self.record_call("with_model", project, version)
        return self

    async def get_result(self, feature: Feature, job_id: str, seconds: float) -> VisionResult:
        self.record_call("get_result", feature, job_id)
        return VisionResult(
            self.labels, "test-model", b"{}", (PRICES.charge("rekognition", "StartLabelDetection", seconds / 60),)
        )

    async def start(self, feature: Feature, video: MediaInput, token: str) -> str:
        self.record_call("start", feature, token)
        return f"job-of-{token}"

    async def completion_of(self, job: JobStarted | JobFinished) -> JobFinished | None:
        self.record_call("completion_of", job.job_id)
        return self.ended

    def services(self, results: ResultsStore) -> Services:
        """Return services that are all this object."""
        return Services(
            objects=self,
            blobs=results,
            scanner=self,
            vision=self,
            people=self.more,
            speech=FakeSpeech(self),
            documents=self.more,
            language=self.more,
            translator=self.more,
            voice=self.more,
            transcoder=self.more,
            writer=self.more,
            embedder=self.more,
            extractor=self.more,
            jobs=self.more or self,
        )

    def asked(self, name: str) -> int:
        """Return the number of calls of one kind."""
        return sum(call[0] == name for call in self.calls)

    def record_call(self, *call: str) -> None:
        self.calls.append(call)
        if self.failures:
            raise self.failures.pop(0)


@dataclass
class FakeSpeech:
    """Speech to text. It records its calls with the other services."""

    services: FakeServices

    async def start(self, media: MediaInput, token: str, speakers: int, vocabulary: str) -> str:
        self.services.record_call("start", "transcript", token)
        return f"job-of-{token}"

    async def start_redacted(self, media: MediaInput, token: str, language: str) -> str:
        self.services.record_call("start_redacted", language)
        return f"job-of-{token}"

    async def get_result(self, job_id: str, seconds: float) -> Transcript:
        self.services.record_call("get_result", job_id)
        charges = (PRICES.charge("transcribe", "StartTranscriptionJob", 1),)
        return Transcript("en-US", "ask not", self.services.speech_answer, b"WEBVTT", charges)

    def silence(self, reason: str) -> Transcript | None:
        return Transcript("", "", b'{"results": {}}', None, ()) if "speech segment" in reason else None
