"""Terminal output of the sandbox."""

from __future__ import annotations

from typing import Any

from headrace.console.terminal.progress_bar import BarColumn, DownloadColumn, Progress, TextColumn
from headrace.console.terminal.screen import Console, Table, Text
from headrace.sandbox import names
from headrace.sandbox.cluster.cluster import ALL, ComponentHealth
from headrace.sandbox.cluster.progress_events import Fetched, ProgressEvent, Ready

MEGABYTE = 1_000_000


class ProgressView:
    """Shows the progress of a start: a download bar on a terminal, else plain lines; a line for each component."""

    def __init__(self, console: Console) -> None:
        self.ready: list[Ready] = []
        self._console = console
        columns = (TextColumn("Downloading Kafka"), BarColumn(), DownloadColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=None, visible=False)
        self._announced = False

    def __enter__(self) -> ProgressView:
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def on_event(self, event: ProgressEvent) -> None:
        """Print one event."""
        match event:
            case Fetched(done, total):
                self._fetched(done, total)
            case Ready(part, port, seconds):
                self.ready.append(event)
                ready = f" {part:6} {names.HOST}:{port}  ready after {seconds:.1f} s"
                self._console.print(Text.assemble(("✓", "green"), ready))

    def _fetched(self, done: int, total: int) -> None:
        if not self._announced and not self._console.is_terminal:
            self._console.print(f"Downloading Kafka's jars, once: {total / MEGABYTE:.0f} MB")
        self._announced = True
        self._bar.update(self._task, completed=done, total=total, visible=done < total)


def row(health: ComponentHealth) -> dict[str, Any]:
    """Return a component as JSON data; memory in bytes."""
    part = health.part
    return {
        "name": part.name,
        "status": "running" if health.alive else "crashed",
        "pid": part.pid,
        "port": part.port,
        "memory": health.memory,
        "log": str(part.log),
        "last_lines": list(health.last_lines),
    }


def table(components: list[ComponentHealth], console: Console) -> None:
    """Print a line for each component, then the last log lines of the crashed ones."""
    rows = Table(box=None, pad_edge=False)
    for heading in ("component", "status", "address", "pid", "memory"):
        rows.add_column(heading)
    for health in components:
        part = health.part
        status = Text("running", "green") if health.alive else Text("crashed", "red")
        memory = f"{health.memory / MEGABYTE:.0f} MB" if health.alive else ""
        address = f"{names.HOST}:{part.port}" if part.port else ""
        rows.add_row(part.name, status, address, str(part.pid), memory)
    console.print(rows)
    for health in (health for health in components if not health.alive):
        remedy = "Run `headrace sandbox up` to restart it." if health.part.name in ALL else ""
        console.print()
        console.print(Text.assemble((f"{health.part.name} crashed.", "red"), f" {remedy}"))
        console.print(f"Last lines of {health.part.log}:", soft_wrap=True)
        for line in health.last_lines or ("(empty)",):
            console.print(f"  {line}", soft_wrap=True)
