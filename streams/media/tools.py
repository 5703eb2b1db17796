"""The programs that read media, and their limits."""

from __future__ import annotations

from dataclasses import dataclass, field

from headrace.streams.media.inspection.client import Inspector
from headrace.streams.media.inspection.messages import Limits
from headrace.streams.media.slots import MediaSlots


@dataclass(frozen=True, slots=True)
class MediaTools:
    """The ffmpeg executable, the inspector, and what limits them. Without a path, imageio-ffmpeg has the executable."""

    limits: Limits = field(default_factory=Limits)
    ffmpeg: str | None = None
    slots: MediaSlots = field(default_factory=MediaSlots)
    inspector: Inspector = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inspector", Inspector(self.slots, self.limits))


MEDIA_TOOLS = MediaTools()
"""The tools of this process. They start no process before the first file."""
