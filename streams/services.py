"""Ports to the services that stages call. They are independent of the vendor."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headrace.schemas.records import Asset, JobFinished, JobStarted, MediaReady, Pointer
from headrace.streams.embeddings import TextEmbedder
from headrace.streams.insights import InsightExtractor
from headrace.streams.media.content_check import ScanVerdict
from headrace.streams.media.media_input import MediaInput
from headrace.streams.media.question import MediaQuestion
from headrace.streams.people import FaceCollections
from headrace.streams.service_results import (
    Completion,
    DocumentFeature,
    DocumentText,
    LanguageResult,
    SentimentResult,
    SpeechFile,
    TextSpans,
    TranscodeResult,
    Transcript,
    Translation,
    VisionResult,
)
from headrace.streams.text_features import SpanFeature
from headrace.streams.vision_features import Feature


class Objects(Protocol):
    """Read media objects."""

    def fetched(self, asset: Asset) -> AbstractAsyncContextManager[Path]:
        """Download exactly this version to a temporary file.

        Raises:
            ObjectGone: the version was replaced or deleted.
        """

    async def tags(self, asset: Asset) -> dict[str, str]:
        """Return the tags of this version, or of the current object if the version has no id."""


class Blobs(Protocol):
    """Store results that are too large for an event."""

    async def put_blob(self, asset: Asset, name: str, content: bytes, content_type: str) -> Pointer:
        """Store content in the folder of the asset version and return its location."""

    async def find_blob(self, asset: Asset, name: str, content_type: str) -> Pointer | None:
        """Return the location of stored content; None if there is none."""

    async def read(self, pointer: Pointer) -> bytes:
        """Return stored content.

        Raises:
            PermanentError: the content was deleted.
        """


class MalwareScanner(Protocol):
    """Scan content for malware."""

    async def scan(self, path: Path, name: str) -> ScanVerdict:
        """Return the content type and digest of a file.

        Raises:
            PermanentError: the content is harmful.
        """


class Vision(Protocol):
    """Analyse images and videos."""

    async def with_model(self, project: str, version: str) -> Vision:
        """Return the service with a model of the user's own, which is never started.

        Raises:
            RetryAt: the model is being started.
            PermanentError: `model_not_running`: it is not running, and will not run by itself.
        """

    async def detect(self, feature: Feature, picture: MediaInput) -> VisionResult:
        """Analyse an image synchronously.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the image.
        """

    async def start(self, feature: Feature, video: MediaInput, token: str) -> str:
        """Start a job for a video with an idempotency key; return its id.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the video.
        """

    async def get_result(self, feature: Feature, job_id: str, seconds: float) -> VisionResult:
        """Fetch the result of a job for a video of `seconds` seconds."""


class SpeechToText(Protocol):
    """Transcribe speech."""

    async def start(self, media: MediaInput, token: str, speakers: int, vocabulary: str) -> str:
        """Start a job with an idempotency key; return its id.

        It separates up to `speakers` speakers (0: none) and uses the custom `vocabulary`, if there is one.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the file.
        """

    async def start_redacted(self, media: MediaInput, token: str, language: str) -> str:
        """Start a job with an idempotency key for a transcript without personal data; return its id.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the file.
        """

    async def get_result(self, job_id: str, seconds: float) -> Transcript:
        """Fetch the transcript of a job for audio of `seconds` seconds."""

    def silence(self, reason: str) -> Transcript | None:
        """Return an empty transcript if the reason of a failed job is that the audio has no speech; else None."""


class Documents(Protocol):
    """Extract text from documents."""

    async def detect(self, page: MediaInput, features: Sequence[DocumentFeature]) -> DocumentText:
        """Read an image of one page synchronously.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the image.
        """

    async def start(self, document: MediaInput, token: str, features: Sequence[DocumentFeature]) -> str:
        """Start a job for a document with an idempotency key; return its id.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the document.
        """

    async def get_result(self, job_id: str, features: Sequence[DocumentFeature]) -> DocumentText:
        """Fetch the result of a job that was started with these features."""


class Language(Protocol):
    """Analyse text."""

    async def detect_spans(self, feature: SpanFeature, text: str, language: str) -> TextSpans:
        """Detect entities, key phrases or personal data.

        Raises:
            PermanentError: the language is not supported.
        """

    async def detect_sentiment(self, text: str, language: str) -> SentimentResult:
        """Detect the sentiment of a text."""

    async def detect_languages(self, text: str) -> LanguageResult:
        """Detect the languages of a text."""


class Translator(Protocol):
    """Translate text."""

    async def translate(self, texts: Sequence[str], source: str, target: str) -> Translation:
        """Translate each text; an empty `source` is detected."""


class Voice(Protocol):
    """Synthesise speech."""

    async def start(self, text: str, voice: str, token: str) -> str:
        """Start a job for a text; return its id."""

    async def get_result(self, job_id: str) -> SpeechFile:
        """Return the location of the audio of a job."""


class Transcoder(Protocol):
    """Transcode media."""

    async def start(self, media: MediaReady, token: str, height: int, hls: bool) -> str:
        """Start a transcoding job; return its id.

        The proxy is at most `height` pixels high; `hls` adds an HTTP Live Streaming output.
        """

    async def get_result(self, job_id: str, seconds: float) -> TranscodeResult:
        """Return the output files of a job for media of `seconds` seconds."""


class TextGenerator(Protocol):
    """Generate text with a language model, which may also read pictures and videos."""

    async def write(self, instruction: str, text: str, model: str) -> Completion:
        """Return the response of the model to an instruction about a text."""

    async def answer(self, question: MediaQuestion) -> Completion:
        """Return the answer of the model to a question about a media file, in JSON that no one has validated.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the file.
        """


class JobLookup(Protocol):
    """Look up started jobs."""

    async def completion_of(self, job: JobStarted | JobFinished) -> JobFinished | None:
        """Return the completion event of a job; None while it is running.

        Raises:
            PermanentError: the service does not know the job.
        """


@dataclass(frozen=True, slots=True)
class Services:
    """The services that a stage can call.

    `result_name` is the name of the result that the stage will store, with its version, epoch and options: the name of
    every other object that it stores begins with it.
    """

    objects: Objects
    blobs: Blobs
    scanner: MalwareScanner
    vision: Vision
    people: FaceCollections
    speech: SpeechToText
    documents: Documents
    language: Language
    translator: Translator
    voice: Voice
    transcoder: Transcoder
    writer: TextGenerator
    embedder: TextEmbedder
    extractor: InsightExtractor
    jobs: JobLookup
    result_name: str = ""
