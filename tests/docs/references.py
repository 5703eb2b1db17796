"""References that are generated from the code: commands, metrics and the diagrams of the architecture."""

from __future__ import annotations

import ast
import inspect
import tomllib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer

from headrace.console.app.lazy import LazyCommand
from headrace.console.app.main import app
from headrace.streams import pipeline
from headrace.streams.stage import Stage

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "connectors", "streams", "console")
METRIC_PREFIX = "headrace_"
METRIC_KINDS = {
    "CounterMetricFamily": "counter",
    "GaugeMetricFamily": "gauge",
    "HistogramMetricFamily": "histogram",
    "Counter": "counter",
    "Counting": "counter",
    "Gauge": "gauge",
    "Histogram": "histogram",
}

Command = tuple[str, Any]
Metric = tuple[str, str, str, str]


def commands() -> Iterator[Command]:
    """Yield every command and group of the command line with its full name."""
    yield from _walk("headrace", typer.main.get_command(app))


def cli() -> str:
    """Render the reference of all commands."""
    return "\n".join(_command(name, command) for name, command in commands())


def metrics() -> str:
    """Render the table of all metrics."""
    rows = sorted({row for package in PACKAGES for path in (ROOT / package).rglob("*.py") for row in _metrics(path)})
    head = ("Metric | Type | Labels | Description\n", "--- | --- | --- | ---\n")
    return "".join((*head, *(f"`{name}` | {kind} | {labels} | {text}\n" for name, kind, labels, text in rows)))


def imports_diagram() -> str:
    """Render the layers of the import contracts, one diagram a package."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layered = [contract for contract in contracts if contract["type"] == "layers"]
    return "\n".join(_layers(contract["containers"][0], contract["layers"]) for contract in layered)


def data_flow_diagram() -> str:
    """Render topics and stages; optional stages are dashed."""
    lines = ["flowchart LR"]
    for stage in (*pipeline.DEFAULT_STAGES, *pipeline.OPTIONAL_STAGES):
        arrow = "-->" if stage in pipeline.DEFAULT_STAGES else "-.->"
        lines += _flow(stage, arrow)
    return _mermaid(lines)


def _walk(name: str, command: Any) -> Iterator[Command]:
    loaded = command.load() if isinstance(command, LazyCommand) else command
    yield name, loaded
    for sub in sorted(getattr(loaded, "commands", ())):
        found = loaded.commands[sub]
        if not isinstance(found, LazyCommand) or found.target.startswith("headrace."):
            yield from _walk(f"{name} {sub}", found)


def _command(name: str, command: Any) -> str:
    visible = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = [each for each in visible if each.param_type_name == "argument"]
    options = [each for each in visible if each.param_type_name == "option"]
    usage = " ".join((name, *(["COMMAND"] if getattr(command, "commands", None) else []), *map(_argument, arguments)))
    blocks = [f"## {name}", f"`{usage}{' [OPTIONS]' if options else ''}`", inspect.cleandoc(command.help or "")]
    rows = [_option(each) for each in options if each.name not in ("install_completion", "show_completion")]
    if rows:
        blocks.append("Option | Default | Description\n--- | --- | ---\n" + "\n".join(rows))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _argument(parameter: Any) -> str:
    name = f"{parameter.make_metavar_name()}" if hasattr(parameter, "make_metavar_name") else parameter.name.upper()
    name += "..." if parameter.nargs == -1 else ""
    return name if parameter.required else f"[{name}]"


def _option(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    default = parameter.default
    unset = default is None or default is False or callable(default) or default in ("", (), [])
    shown = "required" if parameter.required else "" if unset else f"`{getattr(default, 'value', default)}`"
    return f"{names} | {shown} | {' '.join((parameter.help or '').split()).replace('|', chr(92) + '|')}"


def _metrics(path: Path) -> Iterator[Metric]:
    code = path.read_text("utf-8")
    if METRIC_PREFIX not in code:
        return
    for node in ast.walk(ast.parse(code)):
        values = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
        texts = [str(each.value) for each in values[:2] if isinstance(each, ast.Constant)]
        if len(texts) == 2 and texts[0].startswith(METRIC_PREFIX):
            kind = METRIC_KINDS.get(_called(node), "gauge")
            name = f"{texts[0]}_total" if kind == "counter" else texts[0]
            yield name, kind, ", ".join(f"`{label}`" for label in _labels(node)), texts[1]


def _called(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _labels(node: ast.AST) -> Iterable[str]:
    if not isinstance(node, ast.Call):
        return ["stage"]
    lists = [
        each for each in (*node.args, *(key.value for key in node.keywords)) if isinstance(each, ast.List | ast.Tuple)
    ]
    return [str(each.value) for found in lists for each in found.elts if isinstance(each, ast.Constant)]


def _layers(container: str, layers: list[str]) -> str:
    rows = [[name.strip(" ()") for name in layer.split("|")] for layer in layers]
    drawn = [f"    {' & '.join(above)} --> {' & '.join(below)}" for above, below in pairwise(rows)]
    return f"### {container}\n\n{_mermaid(['flowchart TD', *drawn])}"


def _flow(stage: Stage, arrow: str) -> Iterator[str]:
    name = f"{_node(stage.name)}[{stage.name}]"
    for topic in stage.reads:
        yield f"    {_node(topic.name)}([{topic.name}]) {arrow} {name}"
    if stage.writes is not None:
        yield f"    {name} {arrow} {_node(stage.writes.name)}([{stage.writes.name}])"


def _node(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


def _mermaid(lines: list[str]) -> str:
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"
