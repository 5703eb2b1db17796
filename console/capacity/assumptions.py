"""What a forecast assumes because nothing measures it: lengths of texts, answer times of services, headroom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace

from headrace.console.errors import CommandError
from headrace.schemas.parsing import InvalidValueError, parse_float

LARGEST = 1e9


def _assumed(value: float, why: str) -> float:
    return field(default=value, metadata={"why": why})


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Each assumption with its reason; `--assume NAME=NUMBER` replaces one."""

    words_per_minute: float = _assumed(130, "words of a minute of speech; 0 for media without speech")
    words_per_image: float = _assumed(20, "words that are visible in an image; 0 if text stages get none")
    words_per_document: float = _assumed(800, "words of a document")
    job_seconds: float = _assumed(
        30, "seconds of a job of any length; AWS states none, measure yours in `headrace trace`"
    )
    job_seconds_per_minute: float = _assumed(30, "seconds of a job for each minute of its video or sound, as above")
    s3_seconds: float = _assumed(0.05, "seconds of an S3 request")
    ai_seconds: float = _assumed(0.5, "seconds of a call of an AI service")
    download_mb_per_second: float = _assumed(50, "rate at which a worker downloads a file")
    utilisation: float = _assumed(0.6, "share of a worker's core, threads and slots that the peak hour uses")
    partition_headroom: float = _assumed(
        2, "partitions for each worker of the peak hour, so that more workers can share"
    )
    partition_mb_per_second: float = _assumed(5, "traffic of one partition in the peak hour")
    quota_headroom: float = _assumed(1.2, "quota to request, as a multiple of the need in the peak hour")


def reasons() -> Mapping[str, str]:
    """Return the reason of each assumption by the name that `--assume` takes."""
    return {_option(each.name): each.metadata["why"] for each in fields(Assumptions)}


def values(assumed: Assumptions) -> Mapping[str, float]:
    """Return the value of each assumption by the name that `--assume` takes."""
    return {_option(each.name): getattr(assumed, each.name) for each in fields(assumed)}


def parse_assumptions(pairs: Iterable[str]) -> Assumptions:
    """Return the assumptions with replaced values, such as `ai-seconds=0.2`.

    Raises:
        CommandError: a name is unknown, or a value is no number that it can have.
    """
    names = {_option(each.name): each.name for each in fields(Assumptions)}
    chosen: dict[str, float] = {}
    for pair in pairs:
        name, _, text = (each.strip() for each in pair.partition("="))
        if name not in names:
            raise CommandError(f"--assume {pair}: use NAME=NUMBER with one of {', '.join(names)}")
        chosen[names[name]] = _value(pair, text, may_be_zero=name.startswith(("words", "job", "s3", "ai")))
    assumed = replace(Assumptions(), **chosen)
    if assumed.utilisation > 1:
        raise CommandError(f"--assume utilisation={assumed.utilisation:g}: use a share above 0, at most 1")
    return assumed


def _value(pair: str, text: str, may_be_zero: bool) -> float:
    try:
        value = parse_float(text, maximum=LARGEST)
    except InvalidValueError:
        value = -1.0
    if not (0 < value <= LARGEST or (may_be_zero and value == 0)):
        raise CommandError(f"--assume {pair}: use a number {'of at least' if may_be_zero else 'above'} 0")
    return value


def _option(name: str) -> str:
    return name.replace("_", "-")
