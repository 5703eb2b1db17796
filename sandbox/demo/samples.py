"""The files of the demo, and how each has to end."""

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
    """One file: its name, its bytes, and what each stage has to make of it: `done`, or the code of a dead letter."""

    name: str
    content: Callable[[], bytes]
    endings: Mapping[str, str]


SIGHT = ("faces", "text-in-video", "celebrities")
FILM = ("segments", "transcode")
TEXT = ("entities", "sentiment", "key-phrases", "language", "pii", "summary", "translation", "voice")


def samples(all_stages: bool = False, broken: str = "") -> tuple[SampleFile, ...]:
    """Give every file. The corrupt and the infected one are made here: no scanner is to stop a copy of this project.

    What a stage with a bug in it should have done ends as `internal_error`.
    """
    found = _all_samples() if all_stages else _samples()
    return tuple(
        replace(each, endings={**each.endings, broken: INTERNAL_ERROR}) if broken in each.endings else each
        for each in found
    )


def _all_samples() -> tuple[SampleFile, ...]:
    """Give the files again, and a document, with what the stages make of them that are not usual."""
    more = {
        "bottles.jpg": (*SIGHT, "documents", *TEXT),
        "bottles.mp4": (*SIGHT, *FILM),
        "rabbit.mp4": (*SIGHT, *FILM, *TEXT),
        "jfk.flac": TEXT,
    }
    usual = [replace(each, endings={**each.endings, **_all_done(*more.get(each.name, ()))}) for each in _samples()]
    seen = ("thumbnails", "scan", "probe", "ready", "documents", *TEXT)
    return (*usual, SampleFile("letter.pdf", letter, _all_done(*seen)))


def letter() -> bytes:
    """Give a document of two pages."""
    return pdf(*LETTER)


def _samples() -> tuple[SampleFile, ...]:
    sound = ("thumbnails", "scan", "probe", "ready", "transcript")
    sight = ("thumbnails", "scan", "probe", "ready", "labels", "moderation")
    return (
        SampleFile("bottles.jpg", _media("bottles.jpg"), _all_done(*sight)),
        SampleFile("bottles.mp4", _media("bottles.mp4"), _all_done(*sight)),
        SampleFile("rabbit.mp4", _media("rabbit.mp4"), _all_done(*sight, "transcript")),
        SampleFile("jfk.flac", _media("jfk.flac"), _all_done(*sound)),
        SampleFile("broken.mp4", cut_off, {"thumbnails": "unreadable", "scan": DONE, "probe": "unreadable"}),
        SampleFile("invoice.pdf", eicar, {"thumbnails": DONE, "scan": "infected", "probe": DONE}),
    )


def cut_off() -> bytes:
    """Give the first 60 % of a video whose index comes last, as after an upload that broke off: nobody can read it."""
    whole = _media("rabbit.mp4")()
    return whole[: len(whole) * 6 // 10]


def _media(name: str) -> Callable[[], bytes]:
    return (MEDIA / name).read_bytes


def _all_done(*stages: str) -> dict[str, str]:
    return dict.fromkeys(stages, DONE)
