"""Standard outputs without a model: what is measured in pictures, read in documents, and heard in sound.

Source: Amazon Bedrock User Guide, "Standard output in Bedrock Data Automation": the members for each kind of file.
`metadata.synthetic` marks an output whose texts no model wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from headrace.sandbox.ai.bedrock import converse, seen_media
from headrace.sandbox.ai.framework import ffmpeg, image_analysis, inputs, video_analysis
from headrace.sandbox.ai.framework.errors import UnprocessableMediaError
from headrace.sandbox.ai.framework.image_analysis import MeasuredLabel
from headrace.sandbox.ai.textract import documents
from headrace.sandbox.ai.transcribe import speech
from headrace.sandbox.ai.transcribe.speech import RecognizedSpeech, SpokenSegment
from headrace.schemas.jobs import DATA_AUTOMATION
from headrace.streams.media.file_type import HEAD_BYTES
from headrace.streams.media.media_input import MediaInput

OPERATION = "InvokeDataAutomationAsync"
LANGUAGE = "en-US"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AutomationInput:
    """A downloaded file, where it is in S3, and the captions beside it. `extended`: the project is not the default."""

    path: Path
    bucket: str
    key: str
    captions: Path | None
    extended: bool


def standard_output(file: AutomationInput) -> Json:
    """Return the output for a file. Raises `UnprocessableMediaError` for one that the service does not accept."""
    with file.path.open("rb") as opened:
        content_type = inputs.content_type(opened.read(HEAD_BYTES))
    if content_type in ("image/jpeg", "image/png"):
        return _image(file, content_type)
    if content_type in ("application/pdf", "image/tiff"):
        return _document(file)
    probe = inputs.probed(DATA_AUTOMATION, OPERATION, f"{file.bucket}/{file.key}", file.path)
    return _sound(file, probe) if probe.video is None else _video(file, probe)


def _image(file: AutomationInput, content_type: str) -> Json:
    try:
        image = Image.open(file.path, formats=("JPEG", "PNG"))
        width, height = image.size
        media = MediaInput(file.bucket, file.key, content_type, file.path.stat().st_size, width=width, height=height)
        inputs.check(DATA_AUTOMATION, OPERATION, media)
        seen, measured = seen_media.seen_picture(image), image_analysis.measure(image)
    except (OSError, ValueError, SyntaxError, image_analysis.NotAnImageError) as error:
        raise UnprocessableMediaError(f"The image cannot be decoded: {error}") from error
    lines = [{"id": "line_1", "text": seen.text, "confidence": 0.99, "locations": []}] if seen.text else []
    found: Json = {"summary": converse.description(seen), "text_lines": lines}
    if file.extended:
        found["content_moderation"] = [_moderated(label) for label in image_analysis.moderation_labels(measured)]
    sides = {"image_width_pixels": width, "image_height_pixels": height, "image_encoding": image.format}
    return {"metadata": _metadata(file, "IMAGE", sides), "image": found, "statistics": {"line_count": len(lines)}}


def _document(file: AutomationInput) -> Json:
    """Return the text of each page. A page without a text layer or a QR code has a synthetic line."""
    decoded = documents.read(file.path, OPERATION, DATA_AUTOMATION)
    texts = ["\n".join(line.text for line in lines) for lines in decoded.pages]
    whole = "\n\n".join(texts)
    found: Json = {"representation": {"text": whole, "markdown": whole}, "statistics": {"word_count": _words(whole)}}
    if file.extended:
        found["summary"] = f"{converse.MARK} {converse.summary(whole)}"
    pages = [
        {"id": f"page_{number}", "page_index": number, "representation": {"text": text, "markdown": text}}
        for number, text in enumerate(texts)
    ]
    facts = {"number_of_pages": len(pages), "start_page_index": 0, "end_page_index": len(pages) - 1}
    return {"metadata": _metadata(file, "DOCUMENT", facts), "document": found, "pages": pages, "elements": []}


def _sound(file: AutomationInput, probe: ffmpeg.MediaProbe) -> Json:
    heard = speech.recognize(file.path, probe, file.captions, LANGUAGE)
    text = _spoken(heard.segments)
    summary = f"{converse.MARK} {converse.summary(text)}"
    segments = _segments(heard.segments)
    whole = {"summary": summary, "transcript": {"representation": {"text": text}}}
    millis = round(probe.duration * 1000)
    topic = {
        "topic_index": 0,
        "start_timestamp_millis": 0,
        "end_timestamp_millis": millis,
        "summary": summary,
        "audio_segment_indices": [each["segment_index"] for each in segments],
    }
    return {
        "metadata": _metadata(file, "AUDIO", {"duration_millis": millis, "engine": heard.engine}),
        "audio": whole,
        "audio_segments": segments,
        "topics": [topic] if file.extended and segments else [],
        "statistics": {"word_count": _words(text)},
    }


def _video(file: AutomationInput, probe: ffmpeg.MediaProbe) -> Json:
    footage = video_analysis.watch(file.path, DATA_AUTOMATION, OPERATION)
    seen = seen_media.seen_video(footage)
    heard = RecognizedSpeech((), "none: the video has no sound", synthetic=False)
    if probe.sample_rate:
        heard = speech.recognize(file.path, probe, file.captions, LANGUAGE)
    frames = list(_frames(footage)) if file.extended else []
    chapters = [_chapter(number, part, heard.segments, frames) for number, part in enumerate(seen.parts)]
    facts = {"duration_millis": footage.duration, "frame_width": seen.width, "frame_height": seen.height}
    return {
        "metadata": _metadata(file, "VIDEO", {**facts, "codec": footage.video.codec, "engine": heard.engine}),
        "video": {
            "summary": converse.description(seen),
            "transcript": {"representation": {"text": _spoken(heard.segments)}},
        },
        "chapters": chapters,
        "shots": [
            {"shot_index": number, "start_timestamp_millis": shot.start, "end_timestamp_millis": shot.end}
            for number, shot in enumerate(footage.shots)
        ],
        "statistics": {"shot_count": len(footage.shots), "chapter_count": len(chapters)},
    }


def _chapter(number: int, part: seen_media.SeenPart, heard: Iterable[SpokenSegment], frames: Iterable[Json]) -> Json:
    start, end = round(part.start * 1000), round(part.end * 1000)
    names = ", ".join(part.labels[:3]).lower() or "plain"
    return {
        "chapter_index": number,
        "start_timestamp_millis": start,
        "end_timestamp_millis": end,
        "summary": f"{converse.SYNTHETIC} Part {number + 1}: {names}.",
        "shot_indices": [number],
        "audio_segments": _segments(each for each in heard if part.start <= each.start < part.end),
        "frames": [frame for frame in frames if start <= frame["timestamp_millis"] < end],
    }


def _frames(footage: video_analysis.VideoAnalysis) -> Iterator[Json]:
    for found in video_analysis.moderation_points(footage):
        yield {"timestamp_millis": found.start, "content_moderation": [_moderated(found.label)], "text_words": []}


def _moderated(label: MeasuredLabel) -> Json:
    confidence = round(label.confidence / 100, 4)
    return {"type": "MODERATION", "category": label.name, "confidence": confidence, "parent_name": label.parent}


def _segments(heard: Iterable[SpokenSegment]) -> list[Json]:
    return [
        {
            "segment_index": number,
            "type": "TRANSCRIPT",
            "text": each.text,
            "start_timestamp_millis": round(each.start * 1000),
            "end_timestamp_millis": round(each.end * 1000),
            "language": "EN",
        }
        for number, each in enumerate(heard)
    ]


def _metadata(file: AutomationInput, modality: str, facts: Json) -> Json:
    place = {"s3_bucket": file.bucket, "s3_key": file.key}
    return {"asset_id": "0", "semantic_modality": modality, **place, **facts, "synthetic": True}


def _spoken(segments: Iterable[SpokenSegment]) -> str:
    return " ".join(each.text for each in segments)


def _words(text: str) -> int:
    return len(text.split())
