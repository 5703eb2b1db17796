"""A pipeline as data: a TOML file that says which stages run, for which records, with which settings.

    [stages.faces]
    on = true
    when = { kind = ["video"], duration_seconds = [{ numeric = ["<", 3600] }] }

    [stages.translation]
    on = true
    to = "fr"

    [budget]
    asset = 2.5
    day = 40.0

What the file does not name stays as it comes. `when` is an event pattern over the stage's records, beside its own. One
that asks for `tags` makes `probe` read the object's tags, which else nobody asks S3 for.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headrace.schemas.settings import SettingsError
from headrace.streams.costs.asset_budget import NO_LIMIT, BudgetLimits
from headrace.streams.rules.errors import InvalidPatternError
from headrace.streams.rules.pattern import Pattern
from headrace.streams.rules.record_predicate import record_predicate
from headrace.streams.stage import FanIn, Stage

ABOUT_A_STAGE = ("on", "when")


class PipelineConfigError(SettingsError):
    """A pipeline file that cannot be used; the message names the place and what to do."""


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """What a file says: stages by name with their settings, and the budget."""

    stages: Mapping[str, Mapping[str, Any]]
    budget: BudgetLimits = NO_LIMIT


def read(path: str) -> PipelineConfig:
    """Read a file. Raises `BadPipeline`."""
    try:
        text = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise PipelineConfigError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise PipelineConfigError(f"{path}: {error}") from error
    unknown = sorted(text.keys() - {"stages", "budget"})
    if unknown:
        raise PipelineConfigError(f"{path}: [{unknown[0]}] is unknown; there are [stages.NAME] and [budget]")
    stages = text.get("stages", {})
    for name, said in stages.items() if isinstance(stages, dict) else [("", None)]:
        if not isinstance(said, dict):
            raise PipelineConfigError(
                f"{path}: stages are written as [stages.NAME]{f', not {name} = ...' if name else ''}"
            )
    return PipelineConfig(stages, _budget(text.get("budget", {}), path))


def select_stages(choice: PipelineConfig, on: Sequence[Stage], off: Sequence[Stage]) -> tuple[Stage, ...]:
    """Give the stages that run, of those that do unless the file says otherwise and those that do not.

    Raises `BadPipeline` for a stage that there is not, a setting that it does not have, and one that nobody feeds.
    """
    known = {stage.name: stage for stage in (*on, *off)}
    for name in choice.stages:
        if name not in known:
            raise PipelineConfigError(f"[stages.{name}]: there is no such stage; there are {', '.join(known)}")
    usual = {stage.name for stage in on}
    found = tuple(
        _configured(stage, choice.stages.get(name, {}))
        for name, stage in known.items()
        if _is_on(name, choice.stages.get(name, {}), name in usual)
    )
    _check_inputs(found, tuple(known.values()))
    if any(_asks_for_tags(stage) for stage in found):
        return tuple(_reading_tags(stage, choice.stages.get(stage.name, {})) for stage in found)
    return found


def _asks_for_tags(stage: Stage) -> bool:
    """Whether a file's pattern asks for tags. Raises `BadPipeline` where the stage's records have none."""
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


def _reading_tags(stage: Stage, said: Mapping[str, Any]) -> Stage:
    """Let the stage that can read tags do so."""
    return _configured(stage, {**said, "tags": True}) if "tags" in _settings(stage) else stage


def _is_on(name: str, said: Mapping[str, Any], usually: bool) -> bool:
    on = said.get("on", usually)
    if not isinstance(on, bool):
        raise PipelineConfigError(f"[stages.{name}] on = true or false, not {on!r}")
    return on


def _configured(stage: Stage, said: Mapping[str, Any]) -> Stage:
    """Build a stage with the settings of a file; its results are told apart from those made with others."""
    settings = {name: value for name, value in said.items() if name not in ABOUT_A_STAGE}
    built = stage
    if settings:
        _known(stage, settings)
        assert stage.factory is not None
        built = stage.factory(**settings, options=tuple(f"{name}={settings[name]}" for name in sorted(settings)))
    if "when" not in said:
        return built
    try:
        record_predicate(said["when"])
    except (InvalidPatternError, TypeError, AttributeError) as error:
        raise PipelineConfigError(f"[stages.{stage.name}] when: {error}") from error
    return replace(built, filter_override=said["when"])


def _known(stage: Stage, settings: Mapping[str, Any]) -> None:
    """Refuse settings that a stage does not have, or that are of another type than their default."""
    defaults = _settings(stage)
    for name, value in settings.items():
        if name not in defaults:
            there = ", ".join((*ABOUT_A_STAGE, *defaults))
            raise PipelineConfigError(f"[stages.{stage.name}] {name}: there is no such setting; there are {there}")
        kinds = (int, float) if isinstance(defaults[name], float) else (type(defaults[name]),)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise PipelineConfigError(f"[stages.{stage.name}] {name} = {value!r}: give one like {defaults[name]!r}")


def _settings(stage: Stage) -> dict[str, Any]:
    """Give a stage's settings with their defaults."""
    parameters = inspect.signature(stage.factory).parameters if stage.factory else {}
    return {name: each.default for name, each in parameters.items() if name != "options" and not callable(each.default)}


def _check_inputs(found: Sequence[Stage], known: Sequence[Stage]) -> None:
    """Refuse a stage that reads only what nobody writes who is on."""
    makers = {stage.writes.name: stage.name for stage in known if stage.writes}
    on = {stage.name for stage in found}
    for stage in found:
        needed = [makers[topic.name] for topic in stage.reads if topic.name in makers]
        missing = [name for name in needed if name not in on]
        joined = isinstance(stage.handler, FanIn)
        if missing and (joined or len(missing) == len(stage.reads)):
            what = " and ".join(missing) if joined else " or ".join(missing)
            raise PipelineConfigError(f"[stages.{stage.name}] is on, but {what} is off, which it reads from")


def _budget(said: object, path: str) -> BudgetLimits:
    if not isinstance(said, dict) or said.keys() - {"asset", "day"}:
        raise PipelineConfigError(
            f"{path}: [budget] has asset and day = US dollars for one object version, and for a day"
        )
    for name, limit in said.items():
        if not isinstance(limit, int | float) or isinstance(limit, bool) or limit <= 0:
            raise PipelineConfigError(f"{path}: [budget] {name} = {limit!r}: give US dollars, more than 0")
    return BudgetLimits(**said)
