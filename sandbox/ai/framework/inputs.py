"""Check the input of a request against the table of what AWS accepts; adapters check the same table before a call."""

from __future__ import annotations

from pathlib import Path

from headrace.sandbox.ai.framework import ffmpeg
from headrace.sandbox.ai.framework.errors import UnprocessableMediaError
from headrace.streams.limits.input_check import encoding_refusals, fixed_refusals
from headrace.streams.limits.service_inputs import media_rule
from headrace.streams.media.file_type import HEAD_BYTES, UNKNOWN, detect
from headrace.streams.media.media_input import MediaInput


class RefusedInputError(UnprocessableMediaError):
    """The operation does not accept the media."""


def content_type(head: bytes) -> str:
    """Return the content type of a file from its first bytes."""
    return (detect(head[:HEAD_BYTES]) or UNKNOWN).mime


def check(service: str, operation: str, media: MediaInput) -> None:
    """Raise `RefusedInputError` for media that the operation does not accept."""
    rule = media_rule(service, operation)
    if refusals := [*encoding_refusals(rule, media), *fixed_refusals(rule, media)]:
        raise RefusedInputError("; ".join(refusals))


def probed(service: str, operation: str, asset: str, path: Path) -> ffmpeg.MediaProbe:
    """Return the properties of audio or video of an asset (`bucket/key`).

    Raises `RefusedInputError` if the operation does not accept it, `NotMediaError` if ffmpeg does not read it.
    """
    probe = ffmpeg.probe(path)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    bucket, _, key = asset.partition("/")
    media = MediaInput(
        bucket=bucket,
        key=key,
        content_type=content_type(head),
        size=path.stat().st_size,
        width=probe.video.width if probe.video else None,
        height=probe.video.height if probe.video else None,
        seconds=probe.duration or None,
        video_codec=probe.video.codec if probe.video else None,
        audio_codec=probe.audio_codec,
    )
    check(service, operation, media)
    return probe
