"""The pipeline on one screen. A new step is a new file under `streams/stages` and a name here, nothing else.

    media.uploaded ─┬─ thumbnails ── media.thumbnailed
                    ├─ scan ──────── media.scanned ─┐
                    └─ probe ─────── media.probed ──┴─ ready ── media.ready ─┬─ labels ────── media.labelled
                                                                             ├─ moderation ── media.moderated
                                                                             └─ transcript ── media.transcribed
    media.deleted ──── removals                    everything above, and its dead letters ── completed

A package of its own adds stages through the entry-point group `headrace.stages`, each naming a `Stage`.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from streams.stage import Stage
from streams.stages import labels, moderation, probe, ready, removals, scan, thumbnails, transcript
from streams.stages.completed import completion_of

STAGES = (
    thumbnails.STAGE,
    scan.STAGE,
    probe.STAGE,
    ready.STAGE,
    labels.STAGE,
    moderation.STAGE,
    transcript.STAGE,
    removals.STAGE,
)


def stages() -> tuple[Stage, ...]:
    """Give every stage: ours, those that other packages add, and the one that sees them all end."""
    added = tuple(point.load() for point in entry_points(group="headrace.stages"))
    return (*STAGES, *added, completion_of(STAGES + added))


def find(names: list[str]) -> tuple[Stage, ...]:
    """Give the stages of these names. Raises ValueError, which names the ones that exist."""
    known = {stage.name: stage for stage in stages()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no stage {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(known[name] for name in names)
