"""Cover the faces of a video by regions: where a face was seen, and its way from one moment to the next. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

HOLD_SECONDS = 1.0
"""A face is covered this long before and after it was seen, or for the time between two samples if that is longer."""
LONE_HOLD_SECONDS = 10.0
"""The same for a video with faces in one sample only: the time between samples is unknown."""
PADDING = 0.3
"""Share of the sides of a box by which it is larger on each side: boxes end at the chin and the brow."""
MOST_REGIONS = 500


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A rectangle in shares of the picture, from 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Return the share of the picture."""
        return (self.right - self.left) * (self.bottom - self.top)

    def joined(self, other: FaceBox) -> FaceBox:
        """Return the smallest box that contains both."""
        return FaceBox(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def padded(self) -> FaceBox:
        """Return the box with its padding, within the picture."""
        across, down = PADDING * (self.right - self.left), PADDING * (self.bottom - self.top)
        return FaceBox(
            max(0.0, self.left - across),
            max(0.0, self.top - down),
            min(1.0, self.right + across),
            min(1.0, self.bottom + down),
        )

    def distance(self, other: FaceBox) -> float:
        """Return the distance of the centres, in sides of the larger box."""
        across = (self.left + self.right - other.left - other.right) / 2
        down = (self.top + self.bottom - other.top - other.bottom) / 2
        side = max(self.right - self.left, self.bottom - self.top, other.right - other.left, other.bottom - other.top)
        return float((across**2 + down**2) ** 0.5 / max(side, 1e-6))


@dataclass(frozen=True, slots=True)
class FaceSighting:
    """A face at a moment of a video, in seconds."""

    at: float
    box: FaceBox


@dataclass(frozen=True, slots=True)
class FaceRegion:
    """A box that is covered between two moments, in seconds."""

    box: FaceBox
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class _Limits:
    """When two sightings are of one face, and share a region: seconds, growth of its area, distance in sides."""

    hold: float
    growth: float = 2.0
    seconds: float = 10.0
    sides: float = 2.0

    def doubled(self) -> _Limits:
        return _Limits(self.hold * 2, self.growth * 2, self.seconds * 2, self.sides * 2)


@dataclass(slots=True)
class _Track:
    """A region under construction. `face` is the last sighting."""

    face: FaceSighting
    box: FaceBox
    start: float

    def accepts(self, face: FaceSighting, limits: _Limits) -> bool:
        grown = self.box.joined(face.box).area <= limits.growth * max(self.face.box.area, face.box.area)
        return grown and face.at - self.start <= limits.seconds

    def region(self, hold: float) -> FaceRegion:
        return FaceRegion(self.box.padded(), max(0.0, self.start), self.face.at + hold)


def face_regions(faces: Iterable[FaceSighting]) -> tuple[FaceRegion, ...]:
    """Return at most `MOST_REGIONS` regions that cover all faces; more faces have larger and longer regions."""
    ordered = sorted(faces, key=lambda face: face.at)
    limits = _Limits(_hold(ordered))
    while len(found := _tracked(ordered, limits)) > MOST_REGIONS:
        limits = limits.doubled()
    return tuple(sorted(found, key=lambda region: region.start))


def _hold(faces: Sequence[FaceSighting]) -> float:
    """Return how long a face is covered around a sighting: the shortest time between two samples, or more."""
    gaps = [later.at - earlier.at for earlier, later in pairwise(faces) if later.at > earlier.at]
    return max(HOLD_SECONDS, min(gaps)) if gaps else LONE_HOLD_SECONDS


def _tracked(faces: Sequence[FaceSighting], limits: _Limits) -> list[FaceRegion]:
    """Follow each face from sample to sample. A region ends when it would become too large or too long.

    The next region of the same face begins where it was last seen, so that its way from there is covered.
    """
    done: list[FaceRegion] = []
    open_: list[_Track] = []
    for at, group in groupby(faces, key=lambda face: face.at):
        done += [track.region(limits.hold) for track in open_ if at - track.face.at > 2 * limits.hold]
        free = [track for track in open_ if at - track.face.at <= 2 * limits.hold]
        current = []
        for face in group:
            track = min(free, key=lambda each: each.face.box.distance(face.box), default=None)
            if track is None or track.face.box.distance(face.box) > limits.sides:
                current.append(_Track(face, face.box, at - limits.hold))
                continue
            free.remove(track)
            if track.accepts(face, limits):
                current.append(dataclasses.replace(track, face=face, box=track.box.joined(face.box)))
            else:
                done.append(track.region(limits.hold))
                current.append(_Track(face, track.face.box.joined(face.box), track.face.at))
        open_ = [*free, *current]
    return [*done, *(track.region(limits.hold) for track in open_)]
