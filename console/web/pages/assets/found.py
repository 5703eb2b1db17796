"""What was found in an asset, as tracks over time, and as texts. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headrace.console.views.queries.asset_detail import FoundPassage

MOST_TRACKS = 12
"""Labels with a track of their own; the others are in the list."""
MOST_INTERVALS = 400
SHORTEST_SECONDS = 0.25
NAMED_TRACKS = ("label", "moderation", "celebrity", "person", "fault")
SHARED_TRACKS = {"chapter": "Chapters", "face": "Faces", "text-in-video": "Text", "transcript": "Speech"}
TEXT_KINDS = ("page", "translation", "summary", "description")
LIST_KINDS = (
    "fault",
    "person",
    "label",
    "moderation",
    "celebrity",
    "face",
    "text-in-video",
    "entity",
    "pii",
    "language",
)


@dataclass(frozen=True, slots=True)
class TrackInterval:
    """A part of a track, in seconds. `text` is shown for it."""

    start: float
    end: float
    text: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Track:
    """Intervals of one kind or one name."""

    kind: str
    name: str
    intervals: tuple[TrackInterval, ...]


@dataclass(frozen=True, slots=True)
class NamedFinding:
    """A name that was found, its number of places, its best confidence, and its first moment in seconds."""

    kind: str
    name: str
    category: str
    places: int
    confidence: float | None
    start: float | None


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was found. `seconds` is the end of the last moment: the media may be longer."""

    tracks: tuple[Track, ...]
    seconds: float
    transcript: tuple[FoundPassage, ...]
    texts: dict[str, dict[str, tuple[FoundPassage, ...]]]
    names: tuple[NamedFinding, ...]


def findings(passages: Sequence[FoundPassage]) -> Findings:
    """Arrange the passages of a version. Shots are not among them: a script adds their track."""
    timed = [each for each in passages if each.start is not None and each.kind != "thumbnail"]
    ends = [max(each.end or 0.0, each.start or 0.0) for each in timed]
    tracks = [*_named_tracks(timed), *_shared_tracks(timed)]
    return Findings(
        tracks=tuple(tracks),
        seconds=max(ends, default=0.0),
        transcript=tuple(each for each in passages if each.kind == "transcript"),
        texts={kind: found for kind in TEXT_KINDS if (found := _texts(passages, kind))},
        names=tuple(_names(passages)),
    )


def _named_tracks(timed: Iterable[FoundPassage]) -> list[Track]:
    """Return a track for each of the most frequent names."""
    groups: defaultdict[tuple[str, str], list[FoundPassage]] = defaultdict(list)
    for each in timed:
        if each.kind in NAMED_TRACKS:
            groups[each.kind, each.text].append(each)
    largest = sorted(groups.items(), key=lambda group: -sum(_length(each) for each in group[1]))[:MOST_TRACKS]
    return [Track(kind, name, _intervals(found)) for (kind, name), found in largest]


def _shared_tracks(timed: Sequence[FoundPassage]) -> list[Track]:
    found = ((kind, title, [each for each in timed if each.kind == kind]) for kind, title in SHARED_TRACKS.items())
    return [Track(kind, title, _intervals(own)) for kind, title, own in found if own]


def _intervals(found: Sequence[FoundPassage]) -> tuple[TrackInterval, ...]:
    return tuple(
        TrackInterval(each.start or 0.0, (each.start or 0.0) + _length(each), each.text, each.confidence)
        for each in found[:MOST_INTERVALS]
    )


def _length(passage: FoundPassage) -> float:
    start = passage.start or 0.0
    return max((passage.end or start) - start, SHORTEST_SECONDS)


def _texts(passages: Iterable[FoundPassage], kind: str) -> dict[str, tuple[FoundPassage, ...]]:
    """Group the texts of a kind by page or language."""
    groups: defaultdict[str, list[FoundPassage]] = defaultdict(list)
    for each in passages:
        if each.kind == kind:
            groups[f"Page {each.page or 1}" if kind == "page" else each.language].append(each)
    return {name: tuple(found) for name, found in groups.items()}


def _names(passages: Iterable[FoundPassage]) -> Iterable[NamedFinding]:
    """Yield each name once, in the order of kinds, the surest first."""
    groups: defaultdict[tuple[str, str, str], list[FoundPassage]] = defaultdict(list)
    for each in passages:
        if each.kind in LIST_KINDS:
            groups[each.kind, each.text, each.category].append(each)
    found = [_named(*name, own) for name, own in groups.items()]
    order = {kind: place for place, kind in enumerate(LIST_KINDS)}
    yield from sorted(found, key=lambda each: (order[each.kind], -(each.confidence or 0.0), each.name))


def _named(kind: str, name: str, category: str, own: Sequence[FoundPassage]) -> NamedFinding:
    confidence = max((each.confidence for each in own if each.confidence is not None), default=None)
    start = min((each.start for each in own if each.start is not None), default=None)
    return NamedFinding(kind, name, category, len(own), confidence, start)
