"""Measure the technical quality of audio and video, and compare it with a profile. It runs locally and is free."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from headrace.schemas.records import MediaReady, QualityFailure, QualityMeasured
from headrace.schemas.topics import QUALITY, READY, subject_of
from headrace.streams.handlers import Transform
from headrace.streams.media.quality import DEADLINE_SECONDS, measure
from headrace.streams.media.quality_report import QualityReport, SpanKind, longest, total_seconds
from headrace.streams.search_text import SearchText
from headrace.streams.services import Services
from headrace.streams.stage import Stage

MOST_SPANS = 50


@dataclass(frozen=True, slots=True)
class QualityProfile:
    """What passes: loudness in LUFS, true peak in dBTP, samples at full scale, and the longest span of each kind in s.

    `inf` switches a check off. The defaults for sound are those of EBU R 128, version 4.0 (August 2020): -23 LUFS with
    1 LU of tolerance in production, and at most -1 dBTP.
    """

    loudness: float
    tolerance: float
    true_peak: float
    clipped: float
    spans: Mapping[SpanKind, float]


def quality_stage(
    loudness: float = -23.0,
    loudness_tolerance: float = 1.0,
    true_peak: float = -1.0,
    clipped: float = 100.0,
    black: float = 10.0,
    frozen: float = 10.0,
    silent: float = 10.0,
    interlaced: float = math.inf,
    letterboxed: float = math.inf,
    options: tuple[str, ...] = (),
) -> Stage:
    """Build the stage; its settings are the profile.

    Raises:
        ValueError: a limit is not a number, or a tolerance, number of samples or length is negative.
    """
    spans: dict[SpanKind, float] = {
        "black": black,
        "frozen": frozen,
        "silent": silent,
        "interlaced": interlaced,
        "letterboxed": letterboxed,
    }
    _check_settings({"loudness": loudness, "true_peak": true_peak}, lowest=-math.inf)
    _check_settings({"loudness_tolerance": loudness_tolerance, "clipped": clipped}, lowest=0.0)
    _check_settings({str(kind): seconds for kind, seconds in spans.items()}, lowest=0.0)
    profile = QualityProfile(loudness, loudness_tolerance, true_peak, clipped, spans)

    async def quality(media: MediaReady, services: Services) -> QualityMeasured:
        """Return the measured quality.

        Raises:
            PermanentError: ffmpeg cannot decode the file.
        """
        async with services.objects.fetched(media.asset) as path:
            report = await measure(path, media, subject_of(media))
        content = msgspec.json.format(msgspec.json.encode(report))
        name = f"{services.result_name}.report.json"
        failures = tuple(judge(report, profile))
        return QualityMeasured(
            asset=media.asset,
            passed=not failures,
            failures=failures,
            loudness_lufs=report.loudness,
            loudness_range_lu=report.loudness_range,
            true_peak_dbtp=report.true_peak,
            clipped_samples=report.clipped_samples,
            spans=report.spans[:MOST_SPANS],
            count=len(report.spans),
            seconds=total_seconds(report),
            result=await services.blobs.put_blob(media.asset, name, content, "application/json"),
        )

    return Stage(
        "quality",
        reads=(READY,),
        writes=QUALITY,
        when={"kind": ["video", "audio"]},
        handler=Transform(quality),
        options=options,
        factory=quality_stage,
        programs=("ffmpeg",),
        deadline_seconds=DEADLINE_SECONDS,
        summary=summarize,
        search=search_texts,
    )


def judge(report: QualityReport, profile: QualityProfile) -> Iterator[QualityFailure]:
    """Yield the limits that a report does not meet. A file without sound meets those of sound."""
    lowest, highest = profile.loudness - profile.tolerance, profile.loudness + profile.tolerance
    if report.loudness is not None and not lowest <= report.loudness <= highest:
        yield QualityFailure(
            check="loudness", measured=report.loudness, lowest=round(lowest, 1), highest=round(highest, 1), unit="LUFS"
        )
    if report.true_peak is not None and report.true_peak > profile.true_peak:
        yield QualityFailure(check="true_peak", measured=report.true_peak, highest=profile.true_peak, unit="dBTP")
    if report.clipped_samples is not None and report.clipped_samples > profile.clipped:
        yield QualityFailure(check="clipped", measured=report.clipped_samples, highest=profile.clipped, unit="samples")
    for kind, seconds in profile.spans.items():
        if (found := longest(report, kind)) > seconds:
            yield QualityFailure(check=kind, measured=found, highest=seconds, unit="s")


def summarize(event: QualityMeasured) -> str:
    """Format the verdict with what was measured, such as `fails: loudness -39.7 LUFS; black 3.0 s`."""
    parts = [f"{each.check.replace('_', ' ')} {round(each.measured, 1):g} {each.unit}" for each in event.failures]
    failed = {each.check for each in event.failures}
    if event.loudness_lufs is not None and "loudness" not in failed:
        parts.append(f"{event.loudness_lufs:g} LUFS")
    parts += [f"{kind} {round(seconds, 1):g} s" for kind, seconds in event.seconds.items() if kind not in failed]
    return ": ".join(filter(None, ("passes" if event.passed else "fails", ", ".join(parts))))


def search_texts(event: QualityMeasured) -> Iterator[SearchText]:
    """Yield each fault: a part of the file with its times, or a limit of sound that is not met."""
    failed = {each.check for each in event.failures}
    for span in event.spans:
        yield SearchText("fault", span.kind, _category(span.kind in failed), None, span.start_seconds, span.end_seconds)
    for check in sorted(failed - {span.kind for span in event.spans}):
        yield SearchText("fault", check.replace("_", " "), _category(True))


def _category(is_failure: bool) -> str:
    return "failed" if is_failure else "noted"


def _check_settings(settings: Mapping[str, float], lowest: float) -> None:
    for name, value in settings.items():
        if math.isnan(value) or value < lowest:
            rule = "a number" if lowest == -math.inf else "at least 0; inf switches the check off"
            raise ValueError(f"{name} = {value!r}: use {rule}")


STAGE = quality_stage()
