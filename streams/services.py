"""What a stage may ask for: small ports, named for the job and not for the vendor."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from schemas.records import Asset, Charge, JobFinished, JobStarted, MediaReady, Pointer, Rendition
from streams.content import Verdict

Feature = Literal["labels", "moderation", "faces", "text", "segments", "celebrities"]
TextFeature = Literal["entities", "key-phrases", "pii"]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a vision service saw: records of the feature's own kind, all of them, and its whole answer as JSON.

    Labels, faces, lines and celebrities come surest first, segments in the order of time.
    """

    found: Sequence[Any]
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


@dataclass(frozen=True, slots=True)
class Pages:
    """What was read in a document: how many pages, their text, and the service's whole answer as JSON."""

    count: int
    text: str
    answer: bytes
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a text that says something; `begin` and `end` count characters of the whole text."""

    kind: str
    text: str
    score: float
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Marks:
    """All that a language service marked in a text, in the order of the text."""

    marks: tuple[Mark, ...]
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Mood:
    """How positive, negative, neutral and mixed a text is, each from 0 to 1, and the answer for each part as JSON."""

    positive: float
    negative: float
    neutral: float
    mixed: float
    answer: bytes
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Languages:
    """The languages of a text with their shares from 0 to 1, likeliest first, and the whole answer as JSON."""

    shares: tuple[tuple[str, float], ...]
    answer: bytes
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Translated:
    """Texts in another language, one for each that was given, and the language that they were in."""

    texts: tuple[str, ...]
    source: str
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Spoken:
    """Where a text lies that was read out."""

    bucket: str
    key: str
    characters: int
    voice: str
    language: str
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """What a language model wrote, and the tokens that it took."""

    text: str
    input_tokens: int
    output_tokens: int
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """The files that a conversion made."""

    files: tuple[Rendition, ...]
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

    async def start(self, asset: Asset, token: str) -> str:
        """Submit what has sound under an idempotency key and give the service's job id."""
        ...

    async def heard(self, job_id: str, seconds: float) -> Transcript:
        """Fetch what a job over so many seconds of sound heard."""
        ...


class Documents(Protocol):
    """Reads documents."""

    async def look(self, asset: Asset) -> Pages:
        """Read an image of one page and wait for the answer."""
        ...

    async def start(self, asset: Asset, token: str) -> str:
        """Submit a document of any number of pages under an idempotency key and give the service's job id."""
        ...

    async def read(self, job_id: str) -> Pages:
        """Fetch everything that a job read."""
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

    async def start(self, media: MediaReady, token: str, height: int) -> str:
        """Submit what is to be converted and give the service's job id; a proxy has at most this height in pixels."""
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
