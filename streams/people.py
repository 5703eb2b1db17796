"""The port to collections of faces, and its results. It is independent of the vendor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from headrace.schemas.records import Charge, SeenFace
from headrace.streams.media.media_input import MediaInput

DEFAULT_COLLECTION = "headrace"


@dataclass(frozen=True, slots=True)
class FaceSearch:
    """The collection to search, and the minimum similarity of a match from 0 to 100."""

    collection: str
    threshold: float


@dataclass(frozen=True, slots=True)
class PeopleResult:
    """The faces of an image, or the known people of a video with their times; `answer` has the responses as JSON."""

    faces: tuple[SeenFace, ...]
    answer: bytes
    charges: tuple[Charge, ...]


class FaceCollections(Protocol):
    """Search faces in a collection. A collection that does not exist is created."""

    async def index(self, search: FaceSearch, picture: MediaInput, external_id: str) -> PeopleResult:
        """Add the faces of an image to the collection, and search each. The same `external_id` adds them once.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the image.
        """
        ...

    async def search(self, search: FaceSearch, picture: MediaInput) -> PeopleResult:
        """Search the largest face of an image, without adding it.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the image.
        """
        ...

    async def start(self, search: FaceSearch, video: MediaInput, token: str) -> str:
        """Start a job that searches the faces of a video, with an idempotency key; return its id.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the video.
        """
        ...

    async def get_result(self, job_id: str, seconds: float) -> PeopleResult:
        """Fetch the result of a job for a video of `seconds` seconds."""
        ...
