"""Read a transcript without personal data: where it was removed, and subtitles. Pure.

Source: Amazon Transcribe Developer Guide, "Example PII redaction and identification output".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.streams.media.webvtt import Subtitles, cue_text, cue_times

TAG = "[PII]"
CUE_CHARACTERS = 80
CUE_SECONDS = 6.0
PAUSE_SECONDS = 1.0
"""A pause after which a cue ends."""
MARGIN_SECONDS = 0.3
"""Sound is silent this long before and after removed personal data: times of words are not exact."""
MOST_RANGES = 500
ENDS = (".", "?", "!", "…", "。", "？", "！")


class _Alternative(msgspec.Struct, frozen=True):
    content: str = ""
    redactions: tuple[msgspec.Raw, ...] = ()


class _Item(msgspec.Struct, frozen=True):
    type: str = ""
    alternatives: tuple[_Alternative, ...] = ()
    start_time: float | None = None
    end_time: float | None = None


class _Text(msgspec.Struct, frozen=True):
    transcript: str = ""


class _Results(msgspec.Struct, frozen=True):
    transcripts: tuple[_Text, ...] = ()
    items: tuple[_Item, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    results: _Results


@dataclass(frozen=True, slots=True)
class SpokenItem:
    """A word with its punctuation, or one instance of removed personal data; times in seconds."""

    text: str
    start: float
    end: float
    redacted: bool


@dataclass(frozen=True, slots=True)
class SilentRange:
    """A range of sound that is not heard, in seconds."""

    start: float
    end: float


@dataclass(slots=True)
class _Cue:
    items: list[SpokenItem] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(item.text for item in self.items)

    def ends_before(self, item: SpokenItem) -> bool:
        """Return whether an item belongs to the next cue."""
        return bool(self.items) and (
            self.items[-1].text.endswith(ENDS)
            or len(self.text) + len(item.text) >= CUE_CHARACTERS
            or item.start - self.items[-1].end > PAUSE_SECONDS
            or item.end - self.items[0].start > CUE_SECONDS
        )


def spoken_items(content: bytes) -> tuple[SpokenItem, ...]:
    """Return the items of a transcript in order of time.

    Raises:
        InvalidValueError: the content is no transcript, or not every removal has a time.
    """
    results = parse_struct(content, _Answer, strict=False).results
    items: list[SpokenItem] = []
    for item in results.items:
        best = item.alternatives[0] if item.alternatives else _Alternative()
        redacted = bool(best.redactions) or best.content.startswith(TAG)
        if item.start_time is not None and item.end_time is not None:
            items.append(SpokenItem(best.content, item.start_time, item.end_time, redacted))
        elif redacted:
            raise InvalidValueError(f"a removal of personal data after {len(items)} words has no time")
        elif items:
            last = items[-1]
            items[-1] = SpokenItem(last.text + best.content, last.start, last.end, last.redacted)
    removed = sum(text.transcript.count(TAG) for text in results.transcripts)
    if removed > sum(item.redacted for item in items):
        raise InvalidValueError(f"the text has {removed} removals of personal data, and not all of them have a time")
    return tuple(items)


def silent_ranges(items: Sequence[SpokenItem]) -> tuple[SilentRange, ...]:
    """Return the ranges of removed personal data with a margin, at most `MOST_RANGES`: more of them are joined."""
    removed = sorted((item.start - MARGIN_SECONDS, item.end + MARGIN_SECONDS) for item in items if item.redacted)
    ranges: list[SilentRange] = []
    for start, end in removed:
        if ranges and start <= ranges[-1].end:
            ranges[-1] = SilentRange(ranges[-1].start, max(end, ranges[-1].end))
        else:
            ranges.append(SilentRange(max(0.0, start), end))
    while len(ranges) > MOST_RANGES:  # join neighbours
        pairs = (ranges[at : at + 2] for at in range(0, len(ranges), 2))
        ranges = [SilentRange(pair[0].start, pair[-1].end) for pair in pairs]
    return tuple(ranges)


def webvtt(items: Sequence[SpokenItem]) -> str:
    """Return subtitles in WebVTT. A cue ends with a sentence, in a pause, and before it becomes too long."""
    cues = tuple(_cues(items))
    times = tuple(cue_times(cue.items[0].start, cue.items[-1].end) for cue in cues)
    texts = tuple(cue_text(cue.text) for cue in cues)
    return Subtitles(times, texts).with_texts(texts)


def _cues(items: Sequence[SpokenItem]) -> Iterator[_Cue]:
    cue = _Cue()
    for item in items:
        if cue.ends_before(item):
            yield cue
            cue = _Cue()
        cue.items.append(item)
    if cue.items:
        yield cue
