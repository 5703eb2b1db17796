"""The files of the demo and their expected outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.sandbox.demo.pdf import pdf
from headrace.streams.media.content_check import eicar

DONE = "done"
INTERNAL_ERROR = "internal_error"
LETTER = (
    "Dear friends,\n\nthank you for the wonderful films from Lake Constance. On 12 June 2026 we will\n"
    "show them in Zurich. Please send the invoice to accounts@example.com.",
    "The projector was broken last year, which was a problem. This time we have two.\n"
    "Our card for the deposit is 4111 1111 1111 1111. With kind regards, Ada Example",
)
MEDIA = Path(__file__).parents[1] / "media"


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A file: its name, its content, and the expected outcome of each stage: `done` or a dead-letter code."""

    name: str
    content: Callable[[], bytes]
    endings: Mapping[str, str]


SIGHT = ("faces", "text-in-video", "celebrities", "face-search", "describe", "custom-labels")
FILM = ("segments", "transcode")
QUALITY = "quality"
REDACT = "redact"
SPEECH = ("redact-transcript", REDACT)
WHOLE = ("data-automation",)
TEXT = ("entities", "sentiment", "key-phrases", "language", "pii", "summary", "translation", "voice", "embedding")


def samples(all_stages: bool = False, broken: str = "") -> tuple[SampleFile, ...]:
    """Return all files. The corrupt and the infected one are generated, so that scanners accept this repository.

    The outcome of the stage with a bug is a dead letter with the code `internal_error`.
    """
    found = _all_samples() if all_stages else _samples()
    return tuple(
        replace(each, endings={**each.endings, broken: INTERNAL_ERROR}) if broken in each.endings else each
        for each in found
    )


def _all_samples() -> tuple[SampleFile, ...]:
    """Return the files and a document with the outcomes of all stages."""
    more = {
        "bottles.jpg": (*SIGHT, *WHOLE, "documents", *TEXT, REDACT),
        "bottles.mp4": (*SIGHT, *FILM, *WHOLE, QUALITY, REDACT),
        "rabbit.mp4": (*SIGHT, *FILM, *WHOLE, *TEXT, *SPEECH, QUALITY),
        "jfk.flac": (*WHOLE, *TEXT, *SPEECH, QUALITY),
    }
    usual = [replace(each, endings={**each.endings, **_all_done(*more.get(each.name, ()))}) for each in _samples()]
    seen = ("thumbnails", "scan", "probe", "ready", "documents", *WHOLE, *TEXT)
    return (*usual, SampleFile("letter.pdf", letter, _all_done(*seen)))


def letter() -> bytes:
    """Return a document of two pages."""
    return pdf(*LETTER)


def _samples() -> tuple[SampleFile, ...]:
    sound = ("thumbnails", "scan", "probe", "ready", "transcript")
    sight = ("thumbnails", "scan", "probe", "ready", "labels", "moderation")
    return (
        SampleFile("bottles.jpg", _media("bottles.jpg"), _all_done(*sight)),
        SampleFile("bottles.mp4", _media("bottles.mp4"), _all_done(*sight)),
        SampleFile("rabbit.mp4", _media("rabbit.mp4"), _all_done(*sight, "transcript")),
        # Captions come before their recording: Transcribe reads them when it starts.
        SampleFile("jfk.srt", _media("jfk.srt"), _all_done("thumbnails", "scan", "probe", "ready")),
        SampleFile("jfk.flac", _media("jfk.flac"), _all_done(*sound)),
        SampleFile("broken.mp4", cut_off, {"thumbnails": "unreadable", "scan": DONE, "probe": "unreadable"}),
        SampleFile("invoice.pdf", eicar, {"thumbnails": DONE, "scan": "infected", "probe": DONE}),
    )


def cut_off() -> bytes:
    """Return the first 60 % of a video whose index is at its end, as after an interrupted upload."""
    whole = _media("rabbit.mp4")()
    return whole[: len(whole) * 6 // 10]


def _media(name: str) -> Callable[[], bytes]:
    return (MEDIA / name).read_bytes


def _all_done(*stages: str) -> dict[str, str]:
    return dict.fromkeys(stages, DONE)
