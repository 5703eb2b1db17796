"""Look at the picture or the video of a message: what is measured in it, and how many tokens it is."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from headrace.sandbox.ai.framework import image_analysis, inputs, qr_codes, video_analysis
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError
from headrace.sandbox.ai.framework.errors import ServiceError, UnprocessableMediaError
from headrace.sandbox.ai.framework.service import Params
from headrace.streams.media.media_input import MediaInput

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
# Amazon Nova User Guide, "Video understanding" and "Image understanding".
TOKENS_PER_FRAME = 288
MOST_FRAMES = 960
PIXELS_PER_TOKEN = 650
MOST_PICTURE_TOKENS = 2_600
MOST_TAGS = 8


@dataclass(frozen=True, slots=True)
class SeenPart:
    """A part of a video between two cuts, in seconds, with its most frequent labels."""

    start: float
    end: float
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeenMedia:
    """A picture, or a video and its parts. `labels` are measured, `text` is read from QR codes."""

    kind: str
    width: int
    height: int
    labels: tuple[str, ...]
    tokens: int
    text: str = ""
    parts: tuple[SeenPart, ...] = ()


def picture(block: Params) -> SeenMedia:
    """Look at an image block. Raises `ServiceError` for one that Converse rejects."""
    content = block["source"].get("bytes")
    if content is None:
        raise ServiceError("ValidationException", "This endpoint reads images from bytes only.")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        width, height = image.size
        inputs.check("bedrock-runtime", "Converse", _input(content, width, height))
        if image.format is None or image.format.lower() != block["format"]:
            raise ServiceError("ValidationException", f"The image is not {block['format']}.")
        return seen_picture(image)
    except (OSError, ValueError, SyntaxError, image_analysis.NotAnImageError) as error:
        raise ServiceError("ValidationException", f"The image cannot be decoded: {error}") from error
    except inputs.RefusedInputError as error:
        raise ServiceError("ValidationException", f"Invalid image: {error}") from error


def seen_picture(image: Image.Image) -> SeenMedia:
    """Look at a picture. Raises `NotAnImageError`, or an error of PIL."""
    width, height = image.size
    text = " ".join(line for code in qr_codes.read(image.copy()) for line in code.lines)
    labels = image_analysis.labels(image_analysis.measure(image))
    tokens = min(MOST_PICTURE_TOKENS, max(1, width * height // PIXELS_PER_TOKEN))
    names = tuple(label.name for label in labels[:MOST_TAGS])
    return SeenMedia("picture", width, height, names, tokens, text)


def video(block: Params, model: str, cloud: AwsClients) -> SeenMedia:
    """Look at a video block. Raises `ServiceError` for one that Converse rejects."""
    if "nova" not in model:
        raise ServiceError("ValidationException", f"The model {model} does not read videos.")
    location = block["source"].get("s3Location")
    if location is None:
        raise ServiceError("ValidationException", "This endpoint reads videos from S3 only.")
    bucket, _, key = location["uri"].removeprefix("s3://").partition("/")
    with TemporaryDirectory() as folder:
        file = Path(folder, f"video.{block['format']}")
        try:
            cloud.fetch(bucket, key, file)
            footage = video_analysis.watch(file, "bedrock-runtime", "Converse")
        except CloudRefusedError as error:
            raise ServiceError("ValidationException", f"{location['uri']} cannot be read: {error}") from error
        except UnprocessableMediaError as error:
            raise ServiceError("ValidationException", str(error)) from error
    return seen_video(footage)


def seen_video(footage: video_analysis.VideoAnalysis) -> SeenMedia:
    """Return what is seen in an analysed video, and its parts between cuts."""
    found = video_analysis.points(footage)
    parts = tuple(
        SeenPart(
            shot.start / 1000,
            shot.end / 1000,
            _frequent([one.label.name for one in found if shot.start <= one.start < shot.end]),
        )
        for shot in footage.shots
    )
    frames = min(MOST_FRAMES, max(1, footage.duration // 1000))
    names = _frequent([one.label.name for one in found])
    return SeenMedia("video", footage.video.width, footage.video.height, names, frames * TOKENS_PER_FRAME, parts=parts)


def _frequent(names: list[str]) -> tuple[str, ...]:
    counts = Counter(name for name in names if name != "Shot")
    return tuple(sorted(counts, key=lambda name: (-counts[name], name))[:MOST_TAGS])


def _input(content: bytes, width: int, height: int) -> MediaInput:
    return MediaInput("", "", inputs.content_type(content), len(content), width=width, height=height)
