"""A media file as a service sees it: where it is and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.schemas.records import MediaReady


@dataclass(frozen=True, slots=True)
class MediaInput:
    """A file in S3 and its facts: bytes, pixels, seconds and pages; None if a fact is unknown."""

    bucket: str
    key: str
    content_type: str
    size: int
    version_id: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    pages: int | None = None

    @property
    def s3_object(self) -> dict[str, str]:
        """Return the `S3Object` parameter of Rekognition and Textract."""
        location = {"Bucket": self.bucket, "Name": self.key}
        return {**location, "Version": self.version_id} if self.version_id else location


def original(media: MediaReady) -> MediaInput:
    """Return the object itself."""
    return MediaInput(
        bucket=media.asset.bucket,
        key=media.asset.key,
        content_type=media.content_type,
        size=media.asset.size,
        version_id=media.asset.version_id,
        width=media.width,
        height=media.height,
        seconds=media.duration_seconds,
        video_codec=media.video_codec,
        audio_codec=media.audio_codec,
    )
