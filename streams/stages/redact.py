"""Make a file for sharing: faces are blurred, spoken personal data is silent. It runs locally and is free.

It joins the faces of images and videos with the redacted transcript of audio and videos. Without a complete result of
all that a file needs, there is no proxy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from headrace.schemas.parsing import InvalidValueError
from headrace.schemas.records import Asset, FacesDetected, MediaReady, MediaRedacted, Pointer, TranscriptRedacted
from headrace.schemas.topics import FACES, READY, REDACTED_MEDIA, REDACTED_TRANSCRIPT, Topic, subject_of
from headrace.streams.errors import PermanentError
from headrace.streams.handlers import FanIn
from headrace.streams.media.detected_faces import faces_of_picture, faces_of_video
from headrace.streams.media.face_regions import face_regions
from headrace.streams.media.quality import DEADLINE_SECONDS
from headrace.streams.media.redacted_proxy import Redaction, redacted_media, redacted_picture
from headrace.streams.media.redacted_speech import SilentRange, silent_ranges, spoken_items
from headrace.streams.results import AssetResults
from headrace.streams.services import Services
from headrace.streams.stage import Stage

KINDS = ["image", "video", "audio"]
CONTENT_TYPES = {"image": ("jpg", "image/jpeg"), "video": ("mp4", "video/mp4"), "audio": ("m4a", "audio/mp4")}

Parsed = TypeVar("Parsed")


class RedactionInputs(msgspec.Struct, frozen=True):
    """A file, and what is hidden in it; None for what its kind of file does not need."""

    media: MediaReady
    faces: FacesDetected | None
    transcript: TranscriptRedacted | None


def needed_topics(media: MediaReady) -> tuple[Topic, ...]:
    """Return the topics of the results that a file needs: faces of pictures, and a redacted transcript of sound."""
    pictures = (FACES,) if media.kind in ("image", "video") else ()
    sound = (REDACTED_TRANSCRIPT,) if media.kind == "audio" or (media.kind == "video" and media.audio_codec) else ()
    return (*pictures, *sound)


async def gather(asset: Asset, results: AssetResults) -> RedactionInputs | None:
    """Return the joined results; None while one of them is missing."""
    media = await results.event("ready")
    if not isinstance(media, MediaReady) or media.kind not in KINDS:
        return None
    faces, transcript = await results.event("faces"), await results.event("redact-transcript")
    found = {FACES: faces, REDACTED_TRANSCRIPT: transcript}
    needed = {topic: found[topic] for topic in needed_topics(media)}
    if None in needed.values():
        return None
    return RedactionInputs(media, needed.get(FACES), needed.get(REDACTED_TRANSCRIPT))  # type: ignore[arg-type]


async def redact(inputs: RedactionInputs, services: Services) -> MediaRedacted:
    """Store the proxy.

    Raises:
        PermanentError: `incomplete_faces` or `incomplete_transcript`: a result may miss something that must be hidden.
    """
    media, transcript = inputs.media, inputs.transcript
    silences: tuple[SilentRange, ...] = ()
    if transcript is not None:
        answer = await _read(transcript.result, "incomplete_transcript", services)
        silences = silent_ranges(_parsed("incomplete_transcript", lambda: spoken_items(answer)))
    async with services.objects.fetched(media.asset) as path:
        content, regions = await _proxy(path, inputs, silences, services)
    suffix, content_type = CONTENT_TYPES[media.kind]
    name = f"{services.result_name}.proxy.{suffix}"
    return MediaRedacted(
        asset=media.asset,
        result=await services.blobs.put_blob(media.asset, name, content, content_type),
        faces=inputs.faces.count if inputs.faces else 0,
        regions=regions,
        silences=len(silences),
        silent_seconds=round(sum(each.end - each.start for each in silences), 3),
        transcript=transcript.result if transcript else None,
        subtitles=transcript.subtitles if transcript else None,
    )


async def _proxy(
    path: Path, inputs: RedactionInputs, silences: tuple[SilentRange, ...], services: Services
) -> tuple[bytes, int]:
    """Return the proxy and the number of its blurred regions."""
    media, faces, name = inputs.media, inputs.faces, subject_of(inputs.media)
    if faces is None:
        return await redacted_media(path, media, Redaction((), silences), name), 0
    answer = await _read(faces.result, "incomplete_faces", services)
    if media.kind == "image":
        boxes = _parsed("incomplete_faces", lambda: faces_of_picture(answer, faces.count))
        return await redacted_picture(path, media, boxes, name), len(boxes)
    seen = _parsed("incomplete_faces", lambda: faces_of_video(answer, faces.count, media))
    regions = face_regions(seen)
    return await redacted_media(path, media, Redaction(regions, silences), name), len(regions)


async def _read(pointer: Pointer, code: str, services: Services) -> bytes:
    """Return a stored result, if it is the one of the event."""
    content = await services.blobs.read(pointer)
    if hashlib.sha256(content).hexdigest() != pointer.sha256:
        raise PermanentError(code, f"{pointer.key} has changed since its event")
    return content


def _parsed(code: str, parse: Callable[[], Parsed]) -> Parsed:
    try:
        return parse()
    except InvalidValueError as error:
        raise PermanentError(code, f"no proxy is made: {error}") from error


def summarize(event: MediaRedacted) -> str:
    """Return what is hidden, such as `2 faces in 1 region, 3.4 s silent`."""
    parts = []
    if event.faces:
        parts.append(
            f"{event.faces} face{'s' * (event.faces != 1)} in {event.regions} region{'s' * (event.regions != 1)}"
        )
    if event.silences:
        parts.append(f"{event.silent_seconds:g} s silent")
    return ", ".join(parts) or "nothing to hide"


STAGE = Stage(
    "redact",
    reads=(READY, FACES, REDACTED_TRANSCRIPT),
    writes=REDACTED_MEDIA,
    when={"kind": [*KINDS, {"exists": False}]},
    handler=FanIn(gather, join=redact, needs=needed_topics),
    programs=("ffmpeg",),
    deadline_seconds=DEADLINE_SECONDS,
    summary=summarize,
)
