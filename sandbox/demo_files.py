"""The files of the demo, and how each has to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from streams.content import eicar

DONE = "done"
MEDIA = Path(__file__).parent / "media"


@dataclass(frozen=True, slots=True)
class Sample:
    """One file: its name, its bytes, and what each stage has to make of it: `done`, or the code of a dead letter."""

    name: str
    content: Callable[[], bytes]
    endings: Mapping[str, str]


def samples() -> tuple[Sample, ...]:
    """Give every file. The corrupt and the infected one are made here: no scanner is to stop a copy of this project."""
    sound = ("thumbnails", "scan", "probe", "ready", "transcript")
    sight = ("thumbnails", "scan", "probe", "ready", "labels", "moderation")
    return (
        Sample("bottles.jpg", _media("bottles.jpg"), _all_done(*sight)),
        Sample("bottles.mp4", _media("bottles.mp4"), _all_done(*sight)),
        Sample("rabbit.mp4", _media("rabbit.mp4"), _all_done(*sight, "transcript")),
        Sample("jfk.flac", _media("jfk.flac"), _all_done(*sound)),
        Sample("broken.mp4", cut_off, {"thumbnails": "unreadable", "scan": DONE, "probe": "unreadable"}),
        Sample("invoice.pdf", eicar, {"thumbnails": DONE, "scan": "infected", "probe": DONE}),
    )


def cut_off() -> bytes:
    """Give the first 60 % of a video whose index comes last, as after an upload that broke off: nobody can read it."""
    whole = _media("rabbit.mp4")()
    return whole[: len(whole) * 6 // 10]


def _media(name: str) -> Callable[[], bytes]:
    return (MEDIA / name).read_bytes


def _all_done(*stages: str) -> dict[str, str]:
    return dict.fromkeys(stages, DONE)
