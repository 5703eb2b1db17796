"""Choose the file that a service reads: the object, the JPEG rendition of an image, or the proxy of a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headrace.schemas.jobs import DATA_AUTOMATION
from headrace.schemas.records import MediaReady, MediaTranscoded, Pointer
from headrace.schemas.topics import subject_of
from headrace.streams.handlers import EventPattern
from headrace.streams.limits.input_check import encoding_refusals, fixed_refusals
from headrace.streams.limits.service_inputs import media_rule
from headrace.streams.media import rendition
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.media_input import MediaInput, original
from headrace.streams.services import Services

IS_FILE: EventPattern = {
    "$or": [{"asset": {"key": [{"anything-but": {"suffix": "/"}}]}}, {"asset": {"size": [{"numeric": [">", 0]}]}}]
}
"""Matches all objects but folder markers: the S3 console creates a folder as an empty object whose key ends in `/`."""

RENDITION = "rendition@1.jpg"
"""The JPEG rendition of an asset version, beside its results."""

Proxied = MediaReady | MediaTranscoded
"""A record whose media a job reads: the object, or its proxy."""

PROXY_ROLES = {
    "rekognition": ("proxy", "video/mp4", "h264"),
    "transcribe": ("audio", "audio/mp4", None),
    "bedrock-runtime": ("proxy", "video/mp4", "h264"),
    DATA_AUTOMATION: ("proxy", "video/mp4", "h264"),
}
"""The file of `MediaTranscoded` that each service reads: its role, content type and video codec."""


async def picture_for(service: str, operation: str, media: MediaReady, services: Services) -> MediaInput:
    """Return an image, or its JPEG rendition if the service does not accept the image.

    Raises:
        PermanentError: The rendition cannot be made.
    """
    rule, picture = media_rule(service, operation), original(media)
    if not any(encoding_refusals(rule, picture)) or media.width is None or media.height is None:
        return picture
    width, height = rendition.scaled(media.width, media.height)
    jpeg = replace(picture, content_type=rendition.CONTENT_TYPE, size=0, width=width, height=height)
    if any(fixed_refusals(rule, jpeg)):
        return picture
    pointer = await _rendition(media, services)
    return replace(jpeg, bucket=pointer.bucket, key=pointer.key, size=pointer.size, version_id=None)


async def _rendition(media: MediaReady, services: Services) -> Pointer:
    """Return the stored rendition of an asset version; makes it if there is none."""
    content_type = rendition.CONTENT_TYPE
    if stored := await services.blobs.find_blob(media.asset, RENDITION, content_type):
        return stored
    info = MediaInfo(kind="image", format=media.format, width=media.width, height=media.height)
    async with services.objects.fetched(media.asset) as path:
        jpeg = await rendition.jpeg(path, info, subject_of(media))
    return await services.blobs.put_blob(media.asset, RENDITION, jpeg.content, content_type)


def media_for(service: str, record: Proxied) -> MediaInput:
    """Return the file that a job of a service reads: the object, or its proxy."""
    if isinstance(record, MediaReady):
        return original(record)
    role, content_type, video_codec = PROXY_ROLES[service]
    file = next(file for file in record.files if file.role == role)
    return MediaInput(
        bucket=file.bucket,
        key=file.key,
        content_type=content_type,
        size=0,
        width=file.width,
        height=file.height,
        seconds=file.duration_seconds,
        video_codec=video_codec,
        audio_codec="aac",
    )


def services_that_need_a_proxy(media: MediaReady) -> tuple[str, ...]:
    """Return the services that accept no video of this encoding, but its proxy."""
    return tuple(service for service, operation in PROXY_OPERATIONS if _needs_proxy(service, operation, media))


PROXY_OPERATIONS: Sequence[tuple[str, str]] = (
    ("rekognition", "StartLabelDetection"),
    ("transcribe", "StartTranscriptionJob"),
    ("bedrock-runtime", "Converse"),
    (DATA_AUTOMATION, "InvokeDataAutomationAsync"),
)
"""An operation of each service that reads videos; the rule is the same for all of them."""


def _needs_proxy(service: str, operation: str, media: MediaReady) -> bool:
    has_stream = service != "transcribe" or media.audio_codec is not None
    return has_stream and any(encoding_refusals(media_rule(service, operation), original(media)))


def from_proxy(service: str) -> EventPattern:
    """Return the pattern of the records with a proxy for a service."""
    return {"proxy_for": [service]}
