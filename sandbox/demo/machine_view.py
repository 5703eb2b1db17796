"""Terminal output of `headrace demo --machine`: the graph with the visits of each state, and each execution."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from headrace.console.terminal import formatting
from headrace.console.terminal.screen import Console, Text
from headrace.sandbox.demo.machine_run import MachineReport
from headrace.streams.machines import drawing
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.validation import validate


def show(report: MachineReport, console: Console) -> None:
    """Print the graph and the executions."""
    for line in graph(report):
        console.print(Text(line), soft_wrap=True)
    for each in report.runs:
        console.print()
        approved = "  approved by a person" if each.asked else ""
        console.print(Text(f"{each.file}  {each.execution.status}{approved}", "bold"))
        console.print(Text(" > ".join(visit.state for visit in each.visits if visit.level == 0)), soft_wrap=True)
        for visit in each.visits:
            if visit.error:
                console.print(Text(f"{visit.state}: {visit.error}: {visit.cause or ''}"), soft_wrap=True)
        shown = compact(each.output) if each.output is not None else each.execution.error or ""
        console.print(Text(shown), soft_wrap=True)
    console.print()
    took = formatting.format_duration(report.seconds)
    console.print(Text(f"{len(report.runs)} executions in {took}, of {sum(report.visited().values())} states"))


def graph(report: MachineReport) -> list[str]:
    """Return the lines of the graph, with the number of visits behind each state."""
    definition = validate(report.definition).definition or {}
    visited = report.visited()
    lines = []
    for line in drawing.machine_text(definition).splitlines():
        bare = line.lstrip(" │")
        name = bare[2:].partition(" [")[0] if bare[:1] in "●○" else ""
        lines.append(f"{line}  x{visited[name]}" if visited.get(name) else line)
    return lines


def as_json(report: MachineReport) -> dict[str, Any]:
    """Return the report as JSON."""
    runs = [
        {
            "file": each.file,
            "execution": each.execution.arn,
            "status": each.execution.status,
            "output": each.output,
            "asked": each.asked,
            "states": [asdict(visit) for visit in each.visits],
        }
        for each in report.runs
    ]
    return {"seconds": report.seconds, "graph": graph(report), "executions": runs, "wrong": report.wrong}
