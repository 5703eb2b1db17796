"""The port to a service that reads a whole file, and what it returns. It is independent of the vendor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from msgspec import Struct

from headrace.schemas.records import Charge
from headrace.streams.media.media_input import MediaInput

Modality = Literal["document", "image", "audio", "video"]


class FoundText(Struct, frozen=True, omit_defaults=True):
    """A spoken or visible text, and its times in seconds."""

    text: str
    start: float | None = None
    end: float | None = None


class FilePart(Struct, frozen=True, omit_defaults=True):
    """A chapter of a video or a topic of sound with its summary and its times in seconds, or a page with its text."""

    number: int
    text: str
    start: float | None = None
    end: float | None = None


class UnsafeContent(Struct, frozen=True, omit_defaults=True):
    """A category of unsafe content with its highest confidence from 0 to 100, and its time in seconds."""

    name: str
    confidence: float
    parent: str = ""
    start: float | None = None


class Insights(Struct, frozen=True):
    """What a service found in a file. `visible` are texts in pictures; unsafe content is in order of confidence."""

    modality: Modality
    summary: str = ""
    parts: tuple[FilePart, ...] = ()
    speech: tuple[FoundText, ...] = ()
    visible: tuple[FoundText, ...] = ()
    unsafe: tuple[UnsafeContent, ...] = ()

    @property
    def text(self) -> str:
        """Return the text of pages, the speech, or the visible text of a file without speech."""
        if self.modality == "document":
            return "\n\n".join(page.text for page in self.parts)
        return " ".join(each.text for each in self.speech or self.visible)


@dataclass(frozen=True, slots=True)
class InsightProject:
    """The ARNs of the project that configures the output (empty: the default of AWS), and of the regions' profile."""

    project: str
    profile: str


@dataclass(frozen=True, slots=True)
class ExtractedInsights:
    """The insights of a file; `answer` is the complete output of the service as JSON."""

    insights: Insights
    answer: bytes
    charges: tuple[Charge, ...]


class InsightExtractor(Protocol):
    """Extract everything that a service finds in a file."""

    async def start(self, media: MediaInput, token: str, project: InsightProject) -> str:
        """Start a job with an idempotency key; return its id.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the file.
        """
        ...

    async def get_result(self, job_id: str, seconds: float) -> ExtractedInsights:
        """Fetch the result of a job for a file of `seconds` seconds."""
        ...
