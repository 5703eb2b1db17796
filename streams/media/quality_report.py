"""Read what the filters of ffmpeg found, from the metadata of frames as they print it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from headrace.schemas.parsing import InvalidValueError, parse_float
from headrace.schemas.records import QualitySpan

SpanKind = Literal["black", "frozen", "silent", "interlaced", "letterboxed"]
SAMPLED_SPAN_SECONDS = 2.0
"""Shortest interlaced or letterboxed span: these are found with one frame a second."""
BAR_SHARE = 0.02
"""Share of the height or width that each of two black bars has at least."""
NO_LOUDNESS = -70.0
"""The absolute gate of BS.1770: what is not louder has no loudness."""
FULL_SCALE_DB = -0.01
LARGEST_VALUE = 1e9
MOST_SPANS = 10_000
"""Spans of one file; the rest is not listed."""
STARTS: dict[str, SpanKind] = {
    "lavfi.black_start": "black",
    "lavfi.freezedetect.freeze_start": "frozen",
    "lavfi.silence_start": "silent",
}
ENDS: dict[str, SpanKind] = {
    "lavfi.black_end": "black",
    "lavfi.freezedetect.freeze_end": "frozen",
    "lavfi.silence_end": "silent",
}


class QualityReport(msgspec.Struct, frozen=True):
    """The measured quality of a file; None for what it does not have.

    `loudness` is the integrated loudness in LUFS, `loudness_range` is in LU, `true_peak` in dBTP. `clipped_samples` is
    the number of samples at full scale. `spans` are in order of time.
    """

    loudness: float | None
    loudness_range: float | None
    true_peak: float | None
    clipped_samples: int | None
    spans: tuple[QualitySpan, ...]


class FrameMetadata:
    """Reads the printed metadata of frames. Its memory depends on the number of spans only, which is bounded."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._at = 0.0
        self._last = 0.0
        self._values: dict[str, float] = {}
        self._open: dict[SpanKind, float] = {}
        self._spans: list[QualitySpan] = []
        self._interlaced = SampledSpan("interlaced", self._add)
        self._letterboxed = SampledSpan("letterboxed", self._add)
        self._fields = (0.0, 0.0)

    def line(self, line: str) -> None:
        """Read one line: the time of a frame, or a value of that frame. Other lines are ignored."""
        if line.startswith("frame:"):
            self._finish_frame()
            self._at = max(0.0, _number(line.rpartition("pts_time:")[2]) or 0.0)
            self._last = max(self._last, self._at)
            return
        key, _, text = line.partition("=")
        value = _number(text)
        if value is None or not key.startswith("lavfi."):
            return
        if key in STARTS:
            self._open.setdefault(STARTS[key], max(0.0, value))
        elif key in ENDS:
            self._end(ENDS[key], value)
        elif len(self._values) < 100 or key in self._values:
            self._values[key] = value

    def report(self, seconds: float | None) -> QualityReport:
        """Return what was measured. Spans without an end last to the end of the file, which has `seconds` seconds."""
        self._finish_frame()
        end = max(self._last, seconds or 0.0)
        for kind in tuple(self._open):
            self._end(kind, end)
        self._interlaced.end(end)
        self._letterboxed.end(end)
        loudness = self._values.get("lavfi.r128.I", NO_LOUDNESS)
        has_loudness = loudness > NO_LOUDNESS
        peak_level = self._values.get("lavfi.astats.Overall.Peak_level")
        clipped = self._values.get("lavfi.astats.Overall.Peak_count", 0.0)
        return QualityReport(
            loudness=round(loudness, 1) if has_loudness else None,
            loudness_range=_rounded(self._values.get("lavfi.r128.LRA")) if has_loudness else None,
            true_peak=decibels(self._values.get("lavfi.r128.true_peak")),
            clipped_samples=None if peak_level is None else round(clipped) if peak_level >= FULL_SCALE_DB else 0,
            spans=tuple(sorted(self._spans, key=lambda span: (span.start_seconds, span.kind))),
        )

    def _add(self, kind: SpanKind, start: float, end: float) -> None:
        if end > start and len(self._spans) < MOST_SPANS:
            self._spans.append(QualitySpan(kind=kind, start_seconds=round(start, 3), end_seconds=round(end, 3)))

    def _end(self, kind: SpanKind, at: float) -> None:
        if (start := self._open.pop(kind, None)) is not None:
            self._add(kind, start, at)

    def _finish_frame(self) -> None:
        """Judge a frame with all values: one for each second of a video."""
        corners = [self._values.pop(f"lavfi.cropdetect.{name}", None) for name in ("x1", "x2", "y1", "y2")]
        counts = [self._values.pop(f"lavfi.idet.multiple.{name}", None) for name in ("tff", "bff", "progressive")]
        if None in corners or None in counts:
            return
        top, bottom, progressive = (count or 0.0 for count in counts)
        before, self._fields = self._fields, (top + bottom, progressive)
        interlaced, whole = (now - then for now, then in zip(self._fields, before, strict=True))
        if interlaced or whole:  # a still picture shows neither
            self._interlaced.sample(self._at, interlaced > whole)
        self._letterboxed.sample(self._at, has_bars([corner or 0.0 for corner in corners], self._size))


class SampledSpan:
    """Joins samples of one kind to spans of at least two seconds."""

    def __init__(self, kind: SpanKind, add: Callable[[SpanKind, float, float], None]) -> None:
        self._kind = kind
        self._add = add
        self._start: float | None = None

    def sample(self, at: float, is_found: bool) -> None:
        """Add a sample."""
        if not is_found:
            self.end(at)
        elif self._start is None:
            self._start = at

    def end(self, at: float) -> None:
        """End the current span."""
        if self._start is not None and at - self._start >= SAMPLED_SPAN_SECONDS:
            self._add(self._kind, self._start, at)
        self._start = None


def has_bars(corners: Sequence[float], size: tuple[int, int]) -> bool:
    """Return whether a picture has two black bars of about the same size.

    `corners` are the first and last column and the first and last row that are not black.
    """
    left, right, top, bottom = corners
    width, height = size
    if right <= left or bottom <= top:
        return False  # black, or almost
    return any(
        min(before, after) >= BAR_SHARE * side and abs(before - after) <= BAR_SHARE * side
        for before, after, side in ((left, width - 1 - right, width), (top, height - 1 - bottom, height))
    )


def _number(text: str) -> float | None:
    try:
        return parse_float(text, minimum=-LARGEST_VALUE, maximum=LARGEST_VALUE)
    except InvalidValueError:
        return None


def decibels(amplitude: float | None) -> float | None:
    """Return an amplitude in dB, 0 for full scale; None without sound."""
    return round(20 * math.log10(amplitude), 1) if amplitude else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def seconds_of(span: QualitySpan) -> float:
    """Return the length of a span in seconds."""
    return round(span.end_seconds - span.start_seconds, 3)


def longest(report: QualityReport, kind: SpanKind) -> float:
    """Return the length of the longest span of a kind in seconds; 0 without one."""
    return max((seconds_of(span) for span in report.spans if span.kind == kind), default=0.0)


def total_seconds(report: QualityReport) -> dict[str, float]:
    """Return the seconds of each kind of span that there is."""
    sums: dict[str, float] = {}
    for span in report.spans:
        sums[span.kind] = round(sums.get(span.kind, 0.0) + seconds_of(span), 3)
    return sums
