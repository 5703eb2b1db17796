"""What a stage may ask for: small ports, named for the job and not for the vendor."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from schemas.records import Asset, Charge, Label, Pointer
from streams.content import Verdict

Feature = Literal["labels", "moderation"]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a vision service saw: all labels, surest first, and its whole answer as JSON."""

    labels: Sequence[Label]
    model: str
    answer: bytes
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a speech service heard: language, text, its whole answer as JSON, and WebVTT subtitles if it made some."""

    language: str
    text: str
    answer: bytes
    subtitles: bytes | None
    charges: tuple[Charge, ...]


class Objects(Protocol):
    """The media itself."""

    def fetched(self, asset: Asset) -> AbstractAsyncContextManager[Path]:
        """Hold exactly this version in a file for a while. Raises `Gone` when it is no longer there."""
        ...


class Blobs(Protocol):
    """Where results lie that are too big for an event."""

    async def keep(self, asset: Asset, name: str, content: bytes, content_type: str) -> Pointer:
        """Store it beside the asset's other results and say where."""
        ...


class Scanner(Protocol):
    """Tells harmful content from harmless."""

    async def scan(self, path: Path, name: str) -> Verdict:
        """Describe harmless content. Raises `Unprocessable` for the other kind."""
        ...


class Vision(Protocol):
    """Sees what is in pictures."""

    async def look(self, feature: Feature, asset: Asset) -> Findings:
        """Ask about an image and wait for the answer."""
        ...

    async def start(self, feature: Feature, asset: Asset, token: str) -> str:
        """Submit a video under an idempotency key and give the service's job id."""
        ...

    async def found(self, feature: Feature, job_id: str, seconds: float) -> Findings:
        """Fetch everything that a job over so many seconds of video found."""
        ...


class Speech(Protocol):
    """Turns speech into text."""

    async def start(self, asset: Asset, token: str) -> str:
        """Submit what has sound under an idempotency key and give the service's job id."""
        ...

    async def heard(self, job_id: str, seconds: float) -> Transcript:
        """Fetch what a job over so many seconds of sound heard."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside that a stage can reach."""

    objects: Objects
    blobs: Blobs
    scanner: Scanner
    vision: Vision
    speech: Speech
