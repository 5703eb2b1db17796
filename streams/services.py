"""What a stage may ask for: small ports, named for the job and not for the vendor."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headrace.schemas.records import Asset, JobFinished, JobStarted, MediaReady, Pointer
from headrace.streams.media.content_check import ScanVerdict
from headrace.streams.service_results import (
    Completion,
    DocumentFeature,
    DocumentText,
    LanguageResult,
    SentimentResult,
    SpeechFile,
    TextFeature,
    TextSpans,
    TranscodeResult,
    Transcript,
    Translation,
    VisionResult,
)
from headrace.streams.vision_features import Feature


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

    async def put_blob(self, asset: Asset, name: str, content: bytes, content_type: str) -> Pointer:
        """Store it beside the asset's other results and say where."""
        ...

    async def read(self, pointer: Pointer) -> bytes:
        """Give what was stored. Raises `Unprocessable` when it is no longer there."""
        ...


class MalwareScanner(Protocol):
    """Tells harmful content from harmless."""

    async def scan(self, path: Path, name: str) -> ScanVerdict:
        """Describe harmless content. Raises `Unprocessable` for the other kind."""
        ...


class Vision(Protocol):
    """Sees what is in pictures."""

    async def detect(self, feature: Feature, asset: Asset) -> VisionResult:
        """Ask about an image and wait for the answer."""
        ...

    async def start(self, feature: Feature, asset: Asset, token: str) -> str:
        """Submit a video under an idempotency key and give the service's job id."""
        ...

    async def get_result(self, feature: Feature, job_id: str, seconds: float) -> VisionResult:
        """Fetch everything that a job over so many seconds of video found."""
        ...


class SpeechToText(Protocol):
    """Turns speech into text."""

    async def start(self, asset: Asset, token: str, speakers: int, vocabulary: str) -> str:
        """Submit what has sound under an idempotency key and give the service's job id.

        With `speakers`, up to so many are told apart; with a `vocabulary`, its words are known.
        """
        ...

    async def get_result(self, job_id: str, seconds: float) -> Transcript:
        """Fetch what a job over so many seconds of sound heard."""
        ...


class Documents(Protocol):
    """Reads documents."""

    async def detect(self, asset: Asset, features: Sequence[DocumentFeature]) -> DocumentText:
        """Read an image of one page and wait for the answer."""
        ...

    async def start(self, asset: Asset, token: str, features: Sequence[DocumentFeature]) -> str:
        """Submit a document of any number of pages under an idempotency key and give the service's job id."""
        ...

    async def get_result(self, job_id: str, features: Sequence[DocumentFeature]) -> DocumentText:
        """Fetch everything that a job read that was started with these features."""
        ...


class Language(Protocol):
    """Understands text."""

    async def detect_spans(self, feature: TextFeature, text: str, language: str) -> TextSpans:
        """Find names, key phrases or personal data. Raises `Unprocessable` for a language that it does not know."""
        ...

    async def detect_sentiment(self, text: str, language: str) -> SentimentResult:
        """Judge a text's mood."""
        ...

    async def detect_languages(self, text: str) -> LanguageResult:
        """Tell which languages a text is in."""
        ...


class Translator(Protocol):
    """Turns text into another language."""

    async def translate(self, texts: Sequence[str], source: str, target: str) -> Translation:
        """Translate each text; an empty `source` is found out."""
        ...


class Voice(Protocol):
    """Reads text out."""

    async def start(self, text: str, voice: str, token: str) -> str:
        """Submit a text and give the service's job id."""
        ...

    async def get_result(self, job_id: str) -> SpeechFile:
        """Say where the sound of a job lies."""
        ...


class Transcoder(Protocol):
    """Makes files of other formats."""

    async def start(self, media: MediaReady, token: str, height: int, hls: bool) -> str:
        """Submit what is to be converted and give the service's job id.

        A proxy has at most this height in pixels; with `hls` the same is also cut for HTTP Live Streaming.
        """
        ...

    async def get_result(self, job_id: str, seconds: float) -> TranscodeResult:
        """Say what a job over so many seconds of media made."""
        ...


class TextGenerator(Protocol):
    """Writes text, as a language model does."""

    async def write(self, instruction: str, text: str, model: str) -> Completion:
        """Do with a text what the instruction says."""
        ...


class JobLookup(Protocol):
    """Knows how jobs are that were started."""

    async def completion_of(self, job: JobStarted) -> JobFinished | None:
        """Say how a job has ended; None while it runs. Raises `Unprocessable` when the service does not know it."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside that a stage can reach."""

    objects: Objects
    blobs: Blobs
    scanner: MalwareScanner
    vision: Vision
    speech: SpeechToText
    documents: Documents
    language: Language
    translator: Translator
    voice: Voice
    transcoder: Transcoder
    writer: TextGenerator
    jobs: JobLookup
