"""The pipeline file: a TOML file with the enabled stages, their record filters and their settings.

    [stages.faces]
    on = true
    when = { kind = ["video"], duration_seconds = [{ numeric = ["<", 3600] }] }

    [stages.translation]
    on = true
    to = "fr"
    reuse = "content"

    [budget]
    asset = 2.5
    day = 40.0

Stages that the file does not name keep their defaults. `when` is an event pattern that narrows the stage's own filter.
A stage that needs consent is on for the buckets and prefixes of its setting `consent` only.
`reuse = "content"` uses the stored results of identical content, see `streams.reuse`.
A pattern on `tags` makes the stage `probe` read the object's tags from S3.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headrace.schemas.parsing import read_toml
from headrace.schemas.settings import SettingsError
from headrace.schemas.topics import DELETED, UPLOADED
from headrace.streams.consent import consent_pattern
from headrace.streams.costs.asset_budget import NO_LIMIT, BudgetLimits
from headrace.streams.handlers import AsyncJob, FanIn, Transform
from headrace.streams.rules.errors import InvalidPatternError
from headrace.streams.rules.pattern import Pattern
from headrace.streams.rules.record_predicate import record_predicate
from headrace.streams.stage import Stage

COMMON_SETTINGS = ("on", "when", "reuse")
REUSE = "content"
CONSENT = "consent"
"""The setting of stages that process nothing without consent. It is no part of the result name."""


class PipelineConfigError(SettingsError):
    """An invalid pipeline file; the message names the table and the remedy."""


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """The settings of each stage by its name, and the budget."""

    stages: Mapping[str, Mapping[str, Any]]
    budget: BudgetLimits = NO_LIMIT


def read(path: str) -> PipelineConfig:
    """Read a pipeline file.

    Raises:
        PipelineConfigError: the file cannot be read or is invalid.
    """
    try:
        tables = read_toml(path)
    except OSError as error:
        raise PipelineConfigError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise PipelineConfigError(f"{path}: {error}") from error
    unknown = sorted(tables.keys() - {"stages", "budget"})
    if unknown:
        raise PipelineConfigError(f"{path}: [{unknown[0]}] is unknown; there are [stages.NAME] and [budget]")
    stages = tables.get("stages", {})
    for name, settings in stages.items() if isinstance(stages, dict) else [("", None)]:
        if not isinstance(settings, dict):
            raise PipelineConfigError(
                f"{path}: stages are written as [stages.NAME]{f', not {name} = ...' if name else ''}"
            )
    return PipelineConfig(stages, _budget(tables.get("budget", {}), path))


def select_stages(config: PipelineConfig, default: Sequence[Stage], optional: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return the enabled stages, configured. `default` stages are enabled unless the file disables them.

    Raises:
        PipelineConfigError: a stage or setting is unknown, or an enabled stage reads only from disabled stages.
    """
    known = {stage.name: stage for stage in (*default, *optional)}
    for name in config.stages:
        if name not in known:
            raise PipelineConfigError(f"[stages.{name}]: unknown stage; there are {', '.join(known)}")
    default_names = {stage.name for stage in default}
    enabled = tuple(
        _configured(stage, config.stages.get(name, {}))
        for name, stage in known.items()
        if _is_enabled(
            name, config.stages.get(name, {}), name in default_names or _is_on(stage.part_of, config, default_names)
        )
    )
    _check_inputs(enabled, tuple(known.values()))
    if any(_filters_by_tags(stage) for stage in enabled):
        return tuple(_with_tags(stage, config.stages.get(stage.name, {})) for stage in enabled)
    return enabled


def _filters_by_tags(stage: Stage) -> bool:
    """Return whether the pattern of the file reads tags.

    Raises:
        PipelineConfigError: the stage's records have no tags.
    """
    paths = (
        [clause.path for clauses in Pattern(stage.filter_override).sets for clause in clauses]
        if stage.filter_override
        else []
    )
    if not any(path.partition(".")[0] == "tags" for path in paths):
        return False
    if not any("tags" in event.__struct_fields__ for topic in stage.reads for event in topic.events):
        raise PipelineConfigError(
            f"[stages.{stage.name}] when: its records have no tags; narrow the stages that it reads from"
        )
    return True


def _with_tags(stage: Stage, settings: Mapping[str, Any]) -> Stage:
    """Enable the setting `tags` if the stage has it."""
    return _configured(stage, {**settings, "tags": True}) if "tags" in settings_of(stage) else stage


def _is_on(name: str, config: PipelineConfig, default_names: Collection[str]) -> bool:
    """Return whether a stage is on; False without a name."""
    return bool(name) and _is_enabled(name, config.stages.get(name, {}), name in default_names)


def _is_enabled(name: str, settings: Mapping[str, Any], default: bool) -> bool:
    enabled = settings.get("on", default)
    if not isinstance(enabled, bool):
        raise PipelineConfigError(f"[stages.{name}] on = true or false, not {enabled!r}")
    return enabled


def _configured(stage: Stage, settings: Mapping[str, Any]) -> Stage:
    """Build a stage with settings. They are part of its result name."""
    own = {*COMMON_SETTINGS, *([CONSENT] if stage.needs_consent else [])}
    options = {name: value for name, value in settings.items() if name not in own}
    built = stage
    if missing := [name for name in stage.required if not options.get(name)]:
        raise PipelineConfigError(f"[stages.{stage.name}] {missing[0]} is missing: the stage cannot work without it")
    if options:
        _check_settings(stage, options)
        assert stage.factory is not None
        try:
            built = stage.factory(**options, options=tuple(f"{name}={options[name]}" for name in sorted(options)))
        except ValueError as error:
            raise PipelineConfigError(f"[stages.{stage.name}] {error}") from error
    if stage.needs_consent:
        built = replace(built, consent=_consent(stage.name, settings))
    if "reuse" in settings:
        built = _reusing(built, settings["reuse"])
    if "when" not in settings:
        return built
    try:
        record_predicate(settings["when"])
    except (InvalidPatternError, TypeError, AttributeError) as error:
        raise PipelineConfigError(f"[stages.{stage.name}] when: {error}") from error
    return replace(built, filter_override=settings["when"])


def _consent(name: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return consent_pattern(settings.get(CONSENT))
    except ValueError as error:
        raise PipelineConfigError(f"[stages.{name}] {CONSENT}: {error}") from error


def _reusing(stage: Stage, value: object) -> Stage:
    """Return a stage that reuses results of identical content.

    Raises:
        PipelineConfigError: the setting has another value, or the SHA-256 of the stage's input is not known.
    """
    if value != REUSE:
        raise PipelineConfigError(f'[stages.{stage.name}] reuse = {value!r}: use "{REUSE}", or leave it out')
    if not isinstance(stage.handler, Transform | AsyncJob) or stage.writes is None:
        raise PipelineConfigError(f"[stages.{stage.name}] reuse: the stage has no results of its own to reuse")
    if stage.needs_consent:
        raise PipelineConfigError(f"[stages.{stage.name}] reuse: what was found with consent is not shared")
    if unknown := [topic.name for topic in stage.reads if topic in (UPLOADED, DELETED)]:
        raise PipelineConfigError(
            f"[stages.{stage.name}] reuse: it reads {unknown[0]}, where the SHA-256 of an object is not known; stages "
            f"that read media.ready or a result can reuse results"
        )
    return replace(stage, reuse=True)


def _check_settings(stage: Stage, settings: Mapping[str, Any]) -> None:
    """Reject unknown settings, and values of another type than the default."""
    defaults = settings_of(stage)
    for name, value in settings.items():
        if name not in defaults:
            names = ", ".join((*COMMON_SETTINGS, *([CONSENT] if stage.needs_consent else []), *defaults))
            raise PipelineConfigError(f"[stages.{stage.name}] {name}: unknown setting; there are {names}")
        types = (int, float) if isinstance(defaults[name], float) else (type(defaults[name]),)
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise PipelineConfigError(
                f"[stages.{stage.name}] {name} = {value!r}: use a value such as {defaults[name]!r}"
            )


def settings_of(stage: Stage) -> dict[str, Any]:
    """Return the settings of a stage with their defaults."""
    parameters = inspect.signature(stage.factory).parameters if stage.factory else {}
    return {name: each.default for name, each in parameters.items() if name != "options" and not callable(each.default)}


def _check_inputs(enabled: Sequence[Stage], known: Sequence[Stage]) -> None:
    """Reject an enabled stage whose inputs are written by disabled stages only."""
    producers = {stage.writes.name: stage.name for stage in known if stage.writes}
    names = {stage.name for stage in enabled}
    for stage in enabled:
        needed = [producers[topic.name] for topic in stage.reads if topic.name in producers]
        missing = [name for name in needed if name not in names]
        is_fan_in = isinstance(stage.handler, FanIn)
        if missing and (is_fan_in or len(missing) == len(stage.reads)):
            inputs = " and ".join(missing) if is_fan_in else " or ".join(missing)
            verb = "are" if is_fan_in and len(missing) > 1 else "is"
            raise PipelineConfigError(f"[stages.{stage.name}] is on, but {inputs} {verb} off, which it reads from")


def _budget(limits: object, path: str) -> BudgetLimits:
    if not isinstance(limits, dict) or limits.keys() - {"asset", "day"}:
        raise PipelineConfigError(f"{path}: [budget] has asset and day: US dollars per object version and per day")
    for name, limit in limits.items():
        if not isinstance(limit, int | float) or isinstance(limit, bool) or limit <= 0:
            raise PipelineConfigError(f"{path}: [budget] {name} = {limit!r}: use US dollars, more than 0")
    return BudgetLimits(**limits)
