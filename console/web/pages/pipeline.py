"""The pipeline as a graph, live, and the page of each stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from starlette.responses import Response

from headrace.console.assets.stage_status import StageStatus
from headrace.console.terminal.formatting import format_duration
from headrace.console.views.queries import activity, operations
from headrace.console.web.background_value import Latest
from headrace.console.web.charts import activity_chart
from headrace.console.web.failures import NotFoundError
from headrace.console.web.page import ApiOperation, ApiParameter, LiveFeed, WebPage, WebRoute
from headrace.console.web.pipeline_graph import draw_pipeline, target_label, target_of
from headrace.console.web.pipeline_monitor import PipelineReading, ViewFigures
from headrace.console.web.rendering import render_fragment
from headrace.console.web.request import ConsoleRequest
from headrace.console.web.services import ConsoleServices
from headrace.console.web.slot_monitor import SlotUse
from headrace.schemas.safe_text import redact_data
from headrace.streams.stage import Stage

LIVE = "/live/pipeline"
EVENTS = "/api/events"
LIVE_SECONDS = 0.25
"""Seconds between looks at the newest reading, which is read every half second."""
HOUR, DAY = 3600, 86_400
SHOWN_LETTERS = 5
LONGEST_STATE = 19
"""Characters that fit into a stage of the graph."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """What the pipeline page shows. `reading` and `figures` are None before the first read."""

    reading: PipelineReading | None
    figures: ViewFigures | None
    nodes: Mapping[str, NodeState]
    budget: float | None
    outages: tuple[Latest[Any], ...]


@dataclass(frozen=True, slots=True)
class NodeState:
    """The state of a stage in the graph, and its job slots if they are limited; tones are empty, `warn` or `bad`."""

    text: str
    tone: str
    slots: str = ""
    slots_tone: str = ""


def show(request: ConsoleRequest) -> Response:
    """Show the graph and the stages."""
    services = request.services
    graph = draw_pipeline(services.stages(), frozenset(services.slots()))
    return request.render(
        "pipeline.html", graph=graph, live=_live(services), target_of=target_of, target_label=target_label
    )


def show_stage(request: ConsoleRequest) -> Response:
    """Show a stage: its activity, workers, settings and dead letters."""
    services = request.services
    stage = _stage(services, request.path["name"])
    with services.connect() as connection:
        now = services.now()
        hour = activity.activity(connection, stage.name, now, HOUR, 60)
        day = activity.activity(connection, stage.name, now, DAY, 96)
        reports = [each for each in operations.worker_reports(connection) if each.stage == stage.name]
        letters = activity.recent_letters(connection, stage.name, SHOWN_LETTERS)
    pipeline = services.pipeline()
    reading = pipeline.value
    status = next((each for each in reading.status.stages if each.stage == stage.name), None) if reading else None
    return request.render(
        "stage.html",
        stage=stage,
        progress=status,
        rate=reading.rates.get(stage.name) if reading else None,
        slots=services.slots().get(stage.name),
        outages=[pipeline] if pipeline.problem else [],
        charts=(("last hour", activity_chart(hour)), ("last day", activity_chart(day))),
        reports=reports,
        letters=letters,
        settings=describe_stage(stage),
    )


def describe_stage(stage: Stage) -> dict[str, str]:
    """Return the settings of a stage in words."""
    policy = stage.retry_policy
    patterns = [json.dumps(pattern, ensure_ascii=False) for pattern in stage.patterns]
    known = {
        "Reads": ", ".join(topic.name for topic in stage.reads),
        "Writes": stage.writes.name if stage.writes else "",
        "Processes": " and ".join(patterns) or "all records",
        "Consumer group": stage.group,
        "Version": stage.version_key,
        "Options": ", ".join(stage.options),
        "Paid operations": ", ".join(stage.paid_operations),
        "Job": f"{stage.job.service} {stage.job.operation}" if stage.job else "",
        "Deadline": f"{stage.deadline_seconds:g} s",
        "Retries": f"{policy.max_attempts} attempts, waits up to {policy.cap_seconds:g} s",
        "Order": "a waiting record holds back later ones of its key" if stage.ordered else "",
    }
    return {name: text for name, text in known.items() if text}


def read_live(services: ConsoleServices) -> Mapping[str, str]:
    """Return the events of the live feed."""
    live = _live(services)
    return {
        "summary": render_fragment("_pipeline_summary.html", live=live),
        "stages": render_fragment("_pipeline_stages.html", live=live),
        "nodes": json.dumps({name: asdict(state) for name, state in live.nodes.items()}),
    }


def read_events(services: ConsoleServices) -> Mapping[str, str]:
    """Return the state of the pipeline as one event in JSON."""
    return {"status": json.dumps(redact_data(status_data(services.pipeline().current())))}


def status_data(reading: PipelineReading) -> dict[str, Any]:
    """Return the data of `headrace status --json`, with the rates."""
    return {**asdict(reading.status), "rates": dict(reading.rates), "at": reading.at}


def api_status(request: ConsoleRequest) -> dict[str, Any]:
    """Answer the operation."""
    return status_data(request.services.pipeline().current())


def api_activity(request: ConsoleRequest) -> dict[str, Any]:
    """Answer the operation."""
    stage = _stage(request.services, request.path["name"])
    with request.services.connect() as connection:
        found = activity.activity(connection, stage.name, request.services.now(), HOUR, 60)
    return {"stage": stage.name, "seconds": 60, "buckets": [asdict(each) for each in found]}


def _live(services: ConsoleServices) -> LiveState:
    """Return what the pipeline page shows, without waiting."""
    pipeline, figures = services.pipeline(), services.figures()
    reading = pipeline.value
    letters: Mapping[str, int] = figures.value.letters if figures.value else {}
    slots = services.slots()
    rates, stages = (reading.rates, reading.status.stages) if reading else ({}, ())
    nodes = {
        each.stage: node_state(each, rates.get(each.stage), letters.get(each.stage, 0), slots.get(each.stage))
        for each in stages
    }
    outages = tuple(each for each in (pipeline, figures) if each.problem)
    return LiveState(reading, figures.value, nodes, services.daily_budget(), outages)


def node_state(status: StageStatus, rate: float | None, letters: int, slots: SlotUse | None = None) -> NodeState:
    """Describe the state of a stage in a line of the graph: the most urgent parts, as many as fit."""
    text, tone = _activity(status, rate, letters)
    if slots is None:
        return NodeState(text, tone)
    used = f"{compact(slots.taken)}/{compact(slots.limit)}"
    used += f", {compact(slots.waiting)} wait" if slots.waiting else " slots"
    return NodeState(text, tone, used, "warn" if slots.is_full else "")


def _activity(status: StageStatus, rate: float | None, letters: int) -> tuple[str, str]:
    if status.paused:
        return "paused", "warn"
    if status.lag and not status.members:
        return f"no worker for {compact(status.lag)}", "bad"
    parts = [f"{compact(letters)} dead"] if letters else []
    parts += [f"lag {format_duration(status.lag_seconds)}"] if status.lag else []
    parts += [f"{compact(status.shadowed)} matched"] if status.shadowed else []
    parts += [f"{compact(rate or 0)}/s"]
    while len(", ".join(parts)) > LONGEST_STATE:
        parts.pop()
    return ", ".join(parts), "bad" if letters else ""


def compact(number: float) -> str:
    """Format a number in at most 5 characters: `7`, `12.3`, `1,234` as `1.2k`, `3.4M`."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= limit * 0.9995:
            return f"{number / limit:.3g}{unit}"
    return f"{number:.3g}"


def _stage(services: ConsoleServices, name: str) -> Stage:
    stage = next((each for each in services.stages() if each.name == name), None)
    if stage is None:
        raise NotFoundError(f"no stage {name}")
    return stage


PAGE = WebPage(
    title="Pipeline",
    path="/",
    routes=(WebRoute("/", show), WebRoute("/stages/{name}", show_stage)),
    api=(
        ApiOperation("/api/status", api_status, "Progress of every stage", command="headrace status"),
        ApiOperation(
            "/api/stages/{name}/activity",
            api_activity,
            "Results, retries and dead letters of a stage in the last hour, by minute",
            (ApiParameter("name", "string", "Name of the stage", required=True),),
        ),
    ),
    feeds=(LiveFeed(LIVE, read_live, LIVE_SECONDS), LiveFeed(EVENTS, read_events)),
)
