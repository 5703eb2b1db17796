"""The pipeline on one screen. A new step is a new file under `streams/stages` and a name here, nothing else.

    media.uploaded ─┬─ thumbnails ── media.thumbnailed
                    ├─ scan ──────── media.scanned ─┐
                    └─ probe ─────── media.probed ──┴─ ready ── media.ready ─┬─ labels ────── media.labelled
                                                                             ├─ moderation ── media.moderated
                                                                             └─ transcript ── media.transcribed
    media.deleted ── removals     jobs.started ── overdue     everything above, and its dead letters ── completed

`MORE` are off until a pipeline file (`HEADRACE_PIPELINE`) switches them on:

  media.ready ─┬─ transcode, faces, text-in-video, segments, celebrities
               └─ documents ─┐
           media.transcribed ┴─ entities, sentiment, key-phrases, language, pii, summary, translation ── voice

A package of its own adds stages through the entry-point group `headrace.stages`, each naming a `Stage`.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from headrace.schemas.settings import load
from headrace.streams import pipeline_config
from headrace.streams.pipeline_config import PipelineConfig
from headrace.streams.settings import PipelineSettings
from headrace.streams.stage import Stage
from headrace.streams.stages import (
    celebrities,
    documents,
    entities,
    faces,
    key_phrases,
    labels,
    language,
    moderation,
    overdue,
    pii,
    probe,
    ready,
    removals,
    scan,
    segments,
    sentiment,
    summary,
    text_in_video,
    thumbnails,
    transcode,
    transcript,
    translation,
    voice,
)
from headrace.streams.stages.completed import completion_of

DEFAULT_STAGES: tuple[Stage, ...] = (
    thumbnails.STAGE,
    scan.STAGE,
    probe.STAGE,
    ready.STAGE,
    labels.STAGE,
    moderation.STAGE,
    transcript.STAGE,
    removals.STAGE,
    overdue.STAGE,
)

OPTIONAL_STAGES: tuple[Stage, ...] = (
    transcode.STAGE,
    faces.STAGE,
    text_in_video.STAGE,
    segments.STAGE,
    celebrities.STAGE,
    documents.STAGE,
    entities.STAGE,
    sentiment.STAGE,
    key_phrases.STAGE,
    language.STAGE,
    pii.STAGE,
    summary.STAGE,
    translation.STAGE,
    voice.STAGE,
)


def choice(path: str | None = None) -> PipelineConfig:
    """Read a pipeline file, or the one that is set; without one nothing is chosen. Raises `SettingsError`."""
    path = load(PipelineSettings).pipeline if path is None else path
    return pipeline_config.read(path) if path else PipelineConfig({})


def stages(path: str | None = None) -> tuple[Stage, ...]:
    """Give every stage that is on: ours, those that other packages add, the one that sees them all end, and the rules.

    Raises `SettingsError` for a pipeline file or a rule that cannot be used.
    """
    known = all_stages()
    on = pipeline_config.select_stages(choice(path), known[: -len(OPTIONAL_STAGES)], OPTIONAL_STAGES)
    rules = [stage for point in entry_points(group="headrace.rules") for stage in point.load()()]
    return (*on, completion_of(on), *rules)


def all_stages() -> tuple[Stage, ...]:
    """Give every stage that a pipeline file can switch on or off."""
    return (*DEFAULT_STAGES, *(point.load() for point in entry_points(group="headrace.stages")), *OPTIONAL_STAGES)


def get_stages(names: list[str]) -> tuple[Stage, ...]:
    """Give the stages of these names. Raises ValueError, which names the ones that exist."""
    known = {stage.name: stage for stage in stages()}
    names = [name.replace("rule:", "rule-", 1) for name in names]
    unknown = [name for name in names if name not in known]
    if unknown:
        off = [stage.name for stage in OPTIONAL_STAGES if stage.name in unknown]
        if off:
            raise ValueError(
                f"{', '.join(off)}: off in this pipeline; a file that HEADRACE_PIPELINE names switches it on"
            )
        raise ValueError(f"no stage {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(known[name] for name in names)
