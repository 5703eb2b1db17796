"""Read the standard output of Amazon Bedrock Data Automation, of any kind of file.

Source: Amazon Bedrock User Guide, "Standard output in Bedrock Data Automation": documents, images, videos and audio.
Members that a project does not enable are absent or null. Times are in milliseconds, confidences from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from headrace.schemas.parsing import parse_struct
from headrace.streams.insights import FilePart, FoundText, Insights, Modality, UnsafeContent

TRANSCRIPT = "TRANSCRIPT"
_MODALITIES: dict[str, Modality] = {"DOCUMENT": "document", "IMAGE": "image", "AUDIO": "audio", "VIDEO": "video"}


class _Representation(Struct):
    text: str | None = None
    markdown: str | None = None


class _Transcript(Struct):
    representation: _Representation | None = None


class _Segment(Struct):
    text: str | None = None
    type: str = TRANSCRIPT
    start_timestamp_millis: float | None = None
    end_timestamp_millis: float | None = None


class _Word(Struct):
    text: str | None = None


class _Category(Struct):
    category: str = ""
    confidence: float = 0.0
    parent_name: str | None = None
    start_timestamp_millis: float | None = None
    moderation_categories: tuple[_Category, ...] | None = None


class _Frame(Struct):
    timestamp_millis: float | None = None
    text_lines: tuple[_Word, ...] | None = None
    text_words: tuple[_Word, ...] | None = None
    content_moderation: tuple[_Category, ...] | None = None


class _Part(Struct):
    """A chapter of a video, or a topic of sound."""

    summary: Any = None
    start_timestamp_millis: float | None = None
    end_timestamp_millis: float | None = None
    audio_segments: tuple[_Segment, ...] | None = None
    frames: tuple[_Frame, ...] | None = None


class _Page(Struct):
    representation: _Representation | None = None


class _Whole(Struct):
    """What is about the whole file."""

    summary: Any = None
    description: Any = None
    transcript: _Transcript | None = None
    text_lines: tuple[_Word, ...] | None = None
    content_moderation: tuple[_Category, ...] | None = None


class _Metadata(Struct):
    semantic_modality: str
    duration_millis: float | None = None
    number_of_pages: int | None = None


class StandardOutput(Struct):
    """The output for a file, or for one of the documents in a file."""

    metadata: _Metadata
    document: _Whole | None = None
    image: _Whole | None = None
    audio: _Whole | None = None
    video: _Whole | None = None
    chapters: tuple[_Part, ...] | None = None
    topics: tuple[_Part, ...] | None = None
    pages: tuple[_Page, ...] | None = None
    audio_segments: tuple[_Segment, ...] | None = None
    content_moderation: tuple[_Category, ...] | None = None

    @property
    def modality(self) -> str:
        """Return the kind of the file in lower case."""
        return self.metadata.semantic_modality.lower()

    @property
    def page_count(self) -> int:
        """Return the number of pages of a document."""
        return self.metadata.number_of_pages or len(self.pages or ())

    @property
    def whole(self) -> _Whole:
        """Return what is about the whole file."""
        return self.document or self.image or self.audio or self.video or _Whole()


def read_output(content: bytes) -> StandardOutput:
    """Decode an output.

    Raises:
        InvalidValueError: the content is not such an output.
    """
    return parse_struct(content, StandardOutput, strict=False)


def insights_of(outputs: Iterable[StandardOutput], min_confidence: float) -> Insights:
    """Join the outputs for a file. Unsafe content below `min_confidence` percent is left out.

    Raises:
        ValueError: The kind of the file is unknown, or there is no output.
    """
    found = tuple(outputs)
    kinds = {each.metadata.semantic_modality.upper() for each in found}
    if len(kinds) != 1 or not kinds <= _MODALITIES.keys():
        raise ValueError(f"the output is of {', '.join(sorted(kinds)) or 'no'} modality")
    return Insights(
        modality=_MODALITIES[kinds.pop()],
        summary="\n\n".join(filter(None, (_summary(each.whole) for each in found))),
        parts=tuple(FilePart(number, *part) for number, part in enumerate(_parts(found), 1)),
        speech=tuple(text for each in found for text in _speech(each)),
        visible=_distinct(text for each in found for text in _visible(each)),
        unsafe=_surest(
            each for output in found for each in _unsafe(output) if each.name and each.confidence >= min_confidence
        ),
    )


def _summary(whole: _Whole) -> str:
    texts = (value for value in (whole.summary, whole.description) if isinstance(value, str))
    return next(texts, "")


def _parts(outputs: Iterable[StandardOutput]) -> Iterator[tuple[str, float | None, float | None]]:
    for output in outputs:
        for page in output.pages or ():
            yield _plain(page.representation), None, None
        for part in output.chapters or output.topics or ():
            summary = part.summary if isinstance(part.summary, str) else ""
            yield summary, _seconds(part.start_timestamp_millis), _seconds(part.end_timestamp_millis)


def _speech(output: StandardOutput) -> Iterator[FoundText]:
    """Yield the segments of the transcript, else the transcript as one text."""
    inside = (segment for chapter in output.chapters or () for segment in chapter.audio_segments or ())
    segments = [each for each in output.audio_segments or inside if each.type == TRANSCRIPT and each.text]
    for each in segments:
        yield FoundText(each.text or "", _seconds(each.start_timestamp_millis), _seconds(each.end_timestamp_millis))
    transcript = output.whole.transcript
    if not segments and transcript and (text := _plain(transcript.representation)):
        yield FoundText(text)


def _visible(output: StandardOutput) -> Iterator[FoundText]:
    for line in output.whole.text_lines or ():
        yield FoundText(line.text or "")
    for frame in _frames(output):
        words = " ".join(word.text or "" for word in frame.text_words or ())
        for text in [line.text or "" for line in frame.text_lines or ()] or [words]:
            yield FoundText(text, _seconds(frame.timestamp_millis))


def _unsafe(output: StandardOutput) -> Iterator[UnsafeContent]:
    for each in (*(output.whole.content_moderation or ()), *(output.content_moderation or ())):
        yield from _categories(each, each.start_timestamp_millis)
    for frame in _frames(output):
        for each in frame.content_moderation or ():
            yield from _categories(each, frame.timestamp_millis)


def _categories(found: _Category, milliseconds: float | None) -> Iterator[UnsafeContent]:
    """Yield the category of a picture, or each of those of a part of sound."""
    for each in found.moderation_categories or (found,):
        confidence = round(each.confidence * 100, 2)
        yield UnsafeContent(each.category, confidence, each.parent_name or "", _seconds(milliseconds))


def _frames(output: StandardOutput) -> Iterator[_Frame]:
    return (frame for chapter in output.chapters or () for frame in chapter.frames or ())


def _distinct(texts: Iterable[FoundText]) -> tuple[FoundText, ...]:
    """Return each text once, with its first time."""
    first: dict[str, FoundText] = {}
    for each in texts:
        if each.text.strip():
            first.setdefault(" ".join(each.text.split()), each)
    return tuple(first.values())


def _surest(found: Iterable[UnsafeContent]) -> tuple[UnsafeContent, ...]:
    """Return each category once, with its highest confidence, in order of confidence."""
    best: dict[str, UnsafeContent] = {}
    for each in found:
        if each.name not in best or best[each.name].confidence < each.confidence:
            best[each.name] = each
    return tuple(sorted(best.values(), key=lambda each: (-each.confidence, each.name)))


def _plain(representation: _Representation | None) -> str:
    return (representation.text or representation.markdown or "") if representation else ""


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
