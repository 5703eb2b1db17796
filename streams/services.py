"""What a stage may ask for: small ports, named for the job and not for the vendor."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headrace.schemas.records import Asset, JobFinished, JobStarted, MediaReady, Pointer
from headrace.streams.media.content_check import Verdict
from headrace.streams.service_results import (
    DocumentFeature,
    Feature,
    Findings,
    Languages,
    Made,
    Marks,
    Mood,
    Pages,
    Spoken,
    TextFeature,
    Transcript,
    Translated,
    Written,
)


class Objects(Protocol):
    """The media itself."""

    def fetched(self, asset: Asset) -> AbstractAsyncContextManager[Path]:
        """Hold exactly this version in a file for a while. Raises `Gone` when it is no longer there."""
        ...

    async def tags(self, asset: Asset) -> dict[str, str]:
        """Give the object's tags: this version's where it has an id, else those of the object as it is now."""
        ...


class Blobs(Protocol):
    """Where results lie that are too big for an event."""

    async def keep(self, asset: Asset, name: str, content: bytes, content_type: str) -> Pointer:
        """Store it beside the asset's other results and say where."""
        ...

    async def read(self, pointer: Pointer) -> bytes:
        """Give what was stored. Raises `Unprocessable` when it is no longer there."""
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

    async def start(self, asset: Asset, token: str, speakers: int, vocabulary: str) -> str:
        """Submit what has sound under an idempotency key and give the service's job id.

        With `speakers`, up to so many are told apart; with a `vocabulary`, its words are known.
        """
        ...

    async def heard(self, job_id: str, seconds: float) -> Transcript:
        """Fetch what a job over so many seconds of sound heard."""
        ...


class Documents(Protocol):
    """Reads documents."""

    async def look(self, asset: Asset, features: Sequence[DocumentFeature]) -> Pages:
        """Read an image of one page and wait for the answer."""
        ...

    async def start(self, asset: Asset, token: str, features: Sequence[DocumentFeature]) -> str:
        """Submit a document of any number of pages under an idempotency key and give the service's job id."""
        ...

    async def read(self, job_id: str, features: Sequence[DocumentFeature]) -> Pages:
        """Fetch everything that a job read that was started with these features."""
        ...


class Language(Protocol):
    """Understands text."""

    async def marks(self, feature: TextFeature, text: str, language: str) -> Marks:
        """Find names, key phrases or personal data. Raises `Unprocessable` for a language that it does not know."""
        ...

    async def mood(self, text: str, language: str) -> Mood:
        """Judge a text's mood."""
        ...

    async def languages(self, text: str) -> Languages:
        """Tell which languages a text is in."""
        ...


class Translator(Protocol):
    """Turns text into another language."""

    async def translate(self, texts: Sequence[str], source: str, target: str) -> Translated:
        """Translate each text; an empty `source` is found out."""
        ...


class Voice(Protocol):
    """Reads text out."""

    async def start(self, text: str, voice: str, token: str) -> str:
        """Submit a text and give the service's job id."""
        ...

    async def spoken(self, job_id: str) -> Spoken:
        """Say where the sound of a job lies."""
        ...


class Transcoder(Protocol):
    """Makes files of other formats."""

    async def start(self, media: MediaReady, token: str, height: int, hls: bool) -> str:
        """Submit what is to be converted and give the service's job id.

        A proxy has at most this height in pixels; with `hls` the same is also cut for HTTP Live Streaming.
        """
        ...

    async def made(self, job_id: str, seconds: float) -> Made:
        """Say what a job over so many seconds of media made."""
        ...


class Writer(Protocol):
    """Writes text, as a language model does."""

    async def write(self, instruction: str, text: str, model: str) -> Written:
        """Do with a text what the instruction says."""
        ...


class Jobs(Protocol):
    """Knows how jobs are that were started."""

    async def ended(self, job: JobStarted) -> JobFinished | None:
        """Say how a job has ended; None while it runs. Raises `Unprocessable` when the service does not know it."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside that a stage can reach."""

    objects: Objects
    blobs: Blobs
    scanner: Scanner
    vision: Vision
    speech: Speech
    documents: Documents
    language: Language
    translator: Translator
    voice: Voice
    transcoder: Transcoder
    writer: Writer
    jobs: Jobs
