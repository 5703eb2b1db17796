"""The pipeline on one screen. A new optional stage is a new file under `streams/stages`.

    media.uploaded ─┬─ thumbnails ── media.thumbnailed
                    ├─ scan ──────── media.scanned ─┐
                    └─ probe ─────── media.probed ──┴─ ready ── media.ready ─┬─ labels ────── media.labelled
                                                                             ├─ moderation ── media.moderated
                                                                             └─ transcript ── media.transcribed
    media.deleted ── removals     jobs.started ── overdue     every result and dead letter ── completed

`OPTIONAL_STAGES` are off until a pipeline file (`HEADRACE_PIPELINE`) switches them on:

  media.ready ─┬─ transcode, faces, text-in-video, segments, celebrities
               └─ documents ─┐
           media.transcribed ┴─ entities, sentiment, key-phrases, language, pii, summary, embedding, translation ─ voice

A package of its own adds stages through the entry-point group `headrace.stages`, each naming a `Stage`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from headrace.schemas import topics
from headrace.schemas.settings import load
from headrace.streams import pipeline_config
from headrace.streams import stages as stage_modules
from headrace.streams.costs.asset_budget import NO_LIMIT, BudgetLimits
from headrace.streams.costs.prices import PriceList
from headrace.streams.handlers import AsyncJob, Transform
from headrace.streams.pipeline_config import PipelineConfig
from headrace.streams.settings import PipelineSettings
from headrace.streams.stage import Stage
from headrace.streams.stages import (
    labels,
    machine_tasks,
    moderation,
    overdue,
    probe,
    ready,
    removals,
    scan,
    thumbnails,
    transcript,
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


def _optional() -> tuple[Stage, ...]:
    names = [module.name for module in iter_modules(stage_modules.__path__) if not module.name.startswith("_")]
    modules = [import_module(f"{stage_modules.__name__}.{name}") for name in names]
    optional: list[Stage] = [module.STAGE for module in modules if hasattr(module, "STAGE")]
    return tuple(sorted((stage for stage in optional if stage not in DEFAULT_STAGES), key=_position))


def _position(stage: Stage) -> tuple[int, str]:
    return topics.SHARED.index(stage.writes) if stage.writes else len(topics.SHARED), stage.name


OPTIONAL_STAGES = _optional()
"""The `STAGE` of every other module of `streams.stages`, in the order of the topics that they write."""

DEFAULT_CONFIG = PipelineConfig({})
"""The configuration without a pipeline file."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Every stage of a deployment, whichever worker hosts it, the prices and the budget."""

    stages: tuple[Stage, ...]
    prices: PriceList
    budget: BudgetLimits = NO_LIMIT


def load_config(path: str | None = None) -> PipelineConfig:
    """Read a pipeline file, by default the one of HEADRACE_PIPELINE.

    Raises:
        SettingsError: the file cannot be read or is invalid.
    """
    path = load(PipelineSettings).pipeline if path is None else path
    return pipeline_config.read(path) if path else DEFAULT_CONFIG


def stages(config: PipelineConfig = DEFAULT_CONFIG) -> tuple[Stage, ...]:
    """Return every enabled stage, and the stage `completed`, which reads their results. Rules are not included.

    Raises:
        SettingsError: the configuration does not fit the stages.
    """
    known = all_stages()
    enabled = pipeline_config.select_stages(config, known[: -len(OPTIONAL_STAGES)], OPTIONAL_STAGES)
    if any(stage.writes == topics.TRANSCODED for stage in enabled):
        enabled = tuple(_reading_proxies(stage) for stage in enabled)
    stages_ = (*enabled, completion_of(enabled))
    return tuple(
        _reading_results(stage, stages_) if stage.name == machine_tasks.STAGE.name else stage for stage in stages_
    )


def _reading_results(stage: Stage, among: Sequence[Stage]) -> Stage:
    """Return a stage; that of the tasks of state machines reads the results and dead letters of other stages."""
    if stage.name != machine_tasks.STAGE.name:
        return stage
    runnable = [each for each in among if each.writes and isinstance(each.handler, Transform | AsyncJob)]
    results = (topic for each in runnable for topic in (each.writes, topics.dead_letters(each.name)) if topic)
    retries = (topics.retry(each.name) for each in runnable)
    return replace(stage, reads=tuple(dict.fromkeys((*stage.reads, *results))), emits=(*stage.emits, *retries))


def _reading_proxies(stage: Stage) -> Stage:
    """Return a stage that reads videos from their proxies where its service does not accept the video itself."""
    if not stage.when_proxied:
        return stage
    return replace(stage, reads=(*stage.reads, topics.TRANSCODED), when=stage.when_proxied)


def all_stages() -> tuple[Stage, ...]:
    """Return every stage that a pipeline file can enable or disable."""
    return (*DEFAULT_STAGES, *(point.load() for point in entry_points(group="headrace.stages")), *OPTIONAL_STAGES)


def get_stages(names: Sequence[str], among: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return the named stages of a deployment.

    Raises:
        ValueError: no stage has this name, or the stage is disabled. The message lists the known names.
    """
    known = {stage.name: stage for stage in among}
    names = [name.replace("rule:", "rule-", 1) for name in names]
    unknown = [name for name in names if name not in known]
    disabled = [stage.name for stage in OPTIONAL_STAGES if stage.name in unknown]
    if disabled:
        raise ValueError(f"{', '.join(disabled)}: off in this pipeline. Enable it in the file of HEADRACE_PIPELINE")
    if unknown:
        raise ValueError(f"no stage {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(known[name] for name in names)
