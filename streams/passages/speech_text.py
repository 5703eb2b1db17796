"""Split texts into passages: transcripts with the time of each word, subtitles, pages and plain text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from headrace.schemas.parsing import parse_struct
from headrace.streams.passages.passage import Passage, PassageKind, pack_times
from headrace.streams.passages.words import count_words

LONGEST_PASSAGE = 500
"""Characters after which a sentence is split."""
ENDS = frozenset(".?!…。？！")

_TIME = r"(?:([0-9]{1,6}):)?([0-9]{1,2}):([0-9]{1,2})[.,]([0-9]{3})"
_CUE = re.compile(rf"{_TIME} --> {_TIME}[^\n]*\n((?:[^\n]+\n?)+)")
_MARKUP = re.compile(r"<[^>]*>")
_BREAK = re.compile(r"(?<=[.?!…])\s+|(?<=[。？！])|\n\s*\n")


class _Alternative(msgspec.Struct, frozen=True):
    content: str = ""
    confidence: float = 0.0


class _Item(msgspec.Struct, frozen=True):
    type: str = ""
    alternatives: tuple[_Alternative, ...] = ()
    start_time: float | None = None
    end_time: float | None = None


class _Transcript(msgspec.Struct, frozen=True):
    transcript: str = ""


class _Results(msgspec.Struct, frozen=True):
    transcripts: tuple[_Transcript, ...] = ()
    items: tuple[_Item, ...] = ()


class _TranscribeAnswer(msgspec.Struct, frozen=True):
    results: _Results


class _Block(msgspec.Struct, frozen=True, rename="pascal"):
    block_type: str = ""
    text: str = ""
    page: int = 1
    confidence: float | None = None


class _TextractAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    blocks: tuple[_Block, ...] = ()


@dataclass(slots=True)
class _Sentence:
    """The words of a passage that is not complete yet, with times in seconds and confidences from 0 to 1."""

    text: str = ""
    times: list[int] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    start: float | None = None
    end: float | None = None


def transcript_passages(content: bytes, language: str) -> Iterator[Passage]:
    """Yield the sentences of a transcript of Amazon Transcribe.

    Raises:
        InvalidValueError: the content is not such a transcript.
    """
    results = parse_struct(content, _TranscribeAnswer, strict=False).results
    if not results.items:
        text = " ".join(each.transcript for each in results.transcripts)
        yield from text_passages(text, "transcript", language)
        return
    sentence = _Sentence()
    for item in results.items:
        best = item.alternatives[0] if item.alternatives else _Alternative()
        if item.type == "punctuation":
            sentence.text += best.content
        else:
            if _complete(sentence):
                yield _spoken(sentence, language)
                sentence = _Sentence()
            _add(sentence, best, item)
    if sentence.text.strip():
        yield _spoken(sentence, language)


def subtitle_passages(content: bytes, kind: PassageKind, language: str) -> Iterator[Passage]:
    """Yield the sentences of WebVTT subtitles. Each word has the time of its cue."""
    sentence = _Sentence()
    for match in _CUE.finditer(content.decode(errors="replace").replace("\r\n", "\n") + "\n"):
        start, end = _seconds(match.groups()[:4]), _seconds(match.groups()[4:8])
        for part in _split(" ".join(_MARKUP.sub("", match[9]).split())):
            if _complete(sentence):
                yield _read(sentence, kind, language)
                sentence = _Sentence()
            sentence.text += (" " if sentence.text else "") + part
            sentence.times += [round(start * 1000)] * count_words(part)
            sentence.start = start if sentence.start is None else sentence.start
            sentence.end = end
    if sentence.text:
        yield _read(sentence, kind, language)


def page_passages(content: bytes) -> Iterator[Passage]:
    """Yield parts of the pages of a document that Amazon Textract analysed.

    Raises:
        InvalidValueError: the content is not such an answer.
    """
    lines: list[_Block] = []
    for block in parse_struct(content, _TextractAnswer, strict=False).blocks:
        if block.block_type != "LINE":
            continue
        if lines and (lines[0].page != block.page or sum(len(line.text) for line in lines) > LONGEST_PASSAGE):
            yield _page(lines)
            lines = []
        lines.append(block)
    if lines:
        yield _page(lines)


def text_passages(text: str, kind: PassageKind, language: str = "") -> Iterator[Passage]:
    """Yield the sentences of a text."""
    for part in _split(text):
        yield Passage(kind, part, language=language)


def _split(text: str) -> Iterator[str]:
    """Split a text after each sentence, and a long sentence at a space."""
    for sentence in _BREAK.split(text):
        rest = " ".join(sentence.split())
        while len(rest) > LONGEST_PASSAGE:
            cut = rest.rfind(" ", 1, LONGEST_PASSAGE)
            cut = cut if cut > 0 else LONGEST_PASSAGE
            yield rest[:cut]
            rest = rest[cut:].lstrip()
        if rest:
            yield rest


def _complete(sentence: _Sentence) -> bool:
    return sentence.text[-1:] in ENDS if len(sentence.text) < LONGEST_PASSAGE else True


def _add(sentence: _Sentence, best: _Alternative, item: _Item) -> None:
    """Add a spoken word. An item may hold several words, such as a date; they have one time."""
    text = best.content[:LONGEST_PASSAGE]
    sentence.text += (" " if sentence.text else "") + text
    start = item.start_time or 0.0
    sentence.times += [round(start * 1000)] * count_words(text)
    sentence.confidences.append(best.confidence)
    sentence.start = start if sentence.start is None else sentence.start
    sentence.end = item.end_time if item.end_time is not None else sentence.end


def _spoken(sentence: _Sentence, language: str) -> Passage:
    return Passage(
        "transcript",
        sentence.text,
        language=language,
        confidence=_percent(sentence.confidences, 100.0),
        start=sentence.start,
        end=sentence.end,
        word_times=pack_times(sentence.times),
    )


def _read(sentence: _Sentence, kind: PassageKind, language: str) -> Passage:
    times = pack_times(sentence.times)
    return Passage(kind, sentence.text, language=language, start=sentence.start, end=sentence.end, word_times=times)


def _page(lines: Iterable[_Block]) -> Passage:
    lines = list(lines)
    known = [line.confidence for line in lines if line.confidence is not None]
    text = " ".join(line.text for line in lines)
    return Passage("page", text, page=lines[0].page, confidence=_percent(known, 1.0))


def _percent(values: list[float], scale: float) -> float | None:
    return round(sum(values) / len(values) * scale, 2) if values else None


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, millis = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + millis / 1000
