"""Describe a picture or a video with a multimodal model.

The answer of a model is untrusted: it is bounded, validated, stored and shown, and never executed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Annotated, Any

from msgspec import Meta, Struct

from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.schemas.records import Chapter, MediaDescribed, MediaReady
from headrace.schemas.topics import DESCRIBED, READY
from headrace.streams.errors import PermanentError
from headrace.streams.handlers import Transform
from headrace.streams.limits.input_check import accepted_encoding
from headrace.streams.limits.service_inputs import media_rule
from headrace.streams.media.question import MediaQuestion
from headrace.streams.search_text import SearchText
from headrace.streams.service_results import Completion
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._inputs import Proxied, from_proxy, media_for, picture_for

MAX_ANSWER_CHARACTERS = 64_000
ATTEMPTS = 2
MAX_CHAPTERS = 50
MAX_TAGS = 20
LATE_SECONDS = 1.0
"""By how much a chapter may exceed the video: models round times."""

INSTRUCTION = (
    "Describe this {kind} for a media library: a title of one line, a description of at most five sentences, and at "
    "most {tags} tags of one to three words."
)
CHAPTERS = (
    " Divide the video into at most {chapters} chapters in the order of time, each with a title, its start and its end "
    "in seconds."
)
LENGTH = " The video is {seconds:.1f} seconds long."

_NOT_BLANK = r"\S"
_Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=_NOT_BLANK)]
_Tag = Annotated[str, Meta(min_length=1, max_length=60, pattern=_NOT_BLANK)]
_Seconds = Annotated[float, Meta(ge=0)]


class _AnsweredChapter(Struct):
    title: _Line
    start_seconds: _Seconds
    end_seconds: _Seconds


class _ModelAnswer(Struct):
    title: _Line
    description: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=_NOT_BLANK)]
    tags: Annotated[tuple[_Tag, ...], Meta(max_length=MAX_TAGS)]
    chapters: Annotated[tuple[_AnsweredChapter, ...], Meta(max_length=MAX_CHAPTERS)] = ()


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


PICTURE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": _text(200),
        "description": _text(2_000),
        "tags": {"type": "array", "items": _text(60), "maxItems": MAX_TAGS},
    },
    "required": ["title", "description", "tags"],
}
_CHAPTER_SCHEMA = {
    "type": "object",
    "properties": {
        "title": _text(200),
        "start_seconds": {"type": "number", "minimum": 0},
        "end_seconds": {"type": "number", "minimum": 0},
    },
    "required": ["title", "start_seconds", "end_seconds"],
}
VIDEO_SCHEMA: dict[str, Any] = {
    **PICTURE_SCHEMA,
    "properties": {
        **PICTURE_SCHEMA["properties"],
        "chapters": {"type": "array", "items": _CHAPTER_SCHEMA, "maxItems": MAX_CHAPTERS},
    },
    "required": [*PICTURE_SCHEMA["required"], "chapters"],
}


class InvalidAnswerError(Exception):
    """The answer of a model does not have the schema; the message says where."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    answer: _ModelAnswer
    text: str
    completions: tuple[Completion, ...]


def parse_answer(text: str, seconds: float | None) -> _ModelAnswer:
    """Parse the answer about a video of `seconds` seconds, or about a picture.

    Raises:
        InvalidAnswerError: it is too long, no JSON, does not have the schema, or its chapters are not in the video.
    """
    if len(text) > MAX_ANSWER_CHARACTERS:
        raise InvalidAnswerError(f"{len(text):,} characters, at most {MAX_ANSWER_CHARACTERS:,} are accepted")
    try:
        answer = parse_struct(text.encode("utf-8", "surrogatepass"), _ModelAnswer)
    except InvalidValueError as error:
        raise InvalidAnswerError(str(error)) from error
    if seconds is not None:
        _check_chapters(answer.chapters, seconds)
    return answer


def _check_chapters(chapters: Iterable[_AnsweredChapter], seconds: float) -> None:
    previous = 0.0
    for number, chapter in enumerate(chapters, 1):
        start, end = chapter.start_seconds, chapter.end_seconds
        if not (previous <= start < min(end, seconds) and end <= seconds + LATE_SECONDS):
            times = f"from {start:g} to {end:g} s"
            raise InvalidAnswerError(f"chapter {number} is {times}: not in order, or not in the {seconds:g} s of video")
        previous = start


def describe_stage(model: str = "amazon.nova-lite-v1:0", options: tuple[str, ...] = ()) -> Stage:
    """Build the stage. Models whose id contains `nova` describe videos too."""

    async def describe(record: Proxied, services: Services) -> MediaDescribed:
        accepted = await _ask(await _question(record, model, services), _seconds(record), services)
        answer, spent = accepted.answer, accepted.completions
        name = f"{stage.result_name}.answer.json"
        stored = await services.blobs.put_blob(record.asset, name, accepted.text.encode(), "application/json")
        return MediaDescribed(
            asset=record.asset,
            title=answer.title,
            description=answer.description,
            chapters=_chapters(answer, _seconds(record)),
            tags=tuple(dict.fromkeys(answer.tags)),
            model=model,
            attempts=len(spent),
            input_tokens=sum(each.input_tokens for each in spent),
            output_tokens=sum(each.output_tokens for each in spent),
            result=stored,
            charges=tuple(charge for each in spent for charge in each.charges),
        )

    reads_videos = "nova" in model
    kinds = ["image", "video"] if reads_videos else ["image"]
    video = {"kind": ["video"], **accepted_encoding(media_rule("bedrock-runtime", "Converse"))}
    proxied = {"$or": [{"kind": ["image"]}, video, from_proxy("bedrock-runtime")]} if reads_videos else {}
    stage = Stage(
        "describe",
        reads=(READY,),
        writes=DESCRIBED,
        when={"kind": kinds},
        when_proxied=proxied,
        handler=Transform(describe),
        options=options,
        factory=describe_stage,
        paid_operations=("bedrock-runtime.converse",),
        models=(model,),
        summary=lambda event: event.title,
        search=_search_texts,
    )
    return stage


async def _question(record: Proxied, model: str, services: Services) -> MediaQuestion:
    """Return the question about a picture, its rendition, a video or its proxy."""
    seconds = _seconds(record)
    if isinstance(record, MediaReady) and seconds is None:
        picture = await picture_for("bedrock-runtime", "Converse", record, services)
        return MediaQuestion(INSTRUCTION.format(kind="picture", tags=MAX_TAGS), picture, model, PICTURE_SCHEMA)
    prompt = INSTRUCTION + CHAPTERS + (LENGTH if seconds is not None and isfinite(seconds) else "")
    instruction = prompt.format(kind="video", tags=MAX_TAGS, seconds=seconds, chapters=MAX_CHAPTERS)
    return MediaQuestion(instruction, media_for("bedrock-runtime", record), model, VIDEO_SCHEMA)


async def _ask(question: MediaQuestion, seconds: float | None, services: Services) -> _Accepted:
    """Ask until the answer is valid, at most twice.

    Raises:
        PermanentError: `invalid_answer`: both answers are invalid.
    """
    completions: list[Completion] = []
    reason = ""
    for _ in range(ATTEMPTS):
        rejected = completions[-1].text if completions else ""
        completions.append(await services.writer.answer(replace(question, rejected=rejected, reason=reason)))
        text = completions[-1].text
        try:
            return _Accepted(parse_answer(text, seconds), text, tuple(completions))
        except InvalidAnswerError as error:
            reason = str(error)
    raise PermanentError("invalid_answer", f"{question.model} gave {ATTEMPTS} invalid answers; the last one: {reason}")


def _seconds(record: Proxied) -> float | None:
    """Return the length of a video, infinite if it is unknown; None for a picture."""
    is_picture = isinstance(record, MediaReady) and record.kind == "image"
    return None if is_picture else record.duration_seconds or inf


def _chapters(answer: _ModelAnswer, seconds: float | None) -> tuple[Chapter, ...]:
    """Return the chapters, which end with the video at the latest; none for a picture."""
    if seconds is None:
        return ()
    return tuple(
        Chapter(title=each.title, start_seconds=each.start_seconds, end_seconds=min(each.end_seconds, seconds))
        for each in answer.chapters
    )


def _search_texts(event: MediaDescribed) -> Iterator[SearchText]:
    yield SearchText("description", event.title)
    yield SearchText("description", event.description)
    yield from (SearchText("label", tag) for tag in event.tags)
    for each in event.chapters:
        yield SearchText("chapter", each.title, start=each.start_seconds, end=each.end_seconds)


STAGE = describe_stage()
