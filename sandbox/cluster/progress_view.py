"""How a sandbox looks on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from headrace.sandbox import names
from headrace.sandbox.cluster.cluster import ALL, ComponentHealth
from headrace.sandbox.cluster.progress_events import Fetched, ProgressEvent, Ready

MEGABYTE = 1_000_000


class ProgressView:
    """Shows a start as it goes: a bar for the download on a terminal, else plain lines; a line for each part."""

    def __init__(self, console: Console) -> None:
        self.ready: list[Ready] = []
        self._console = console
        columns = (TextColumn("Fetching Kafka"), BarColumn(), DownloadColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=None, visible=False)
        self._said = False

    def __enter__(self) -> ProgressView:
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def tell(self, event: ProgressEvent) -> None:
        """Show one event."""
        match event:
            case Fetched(done, total):
                self._fetched(done, total)
            case Ready(part, port, seconds):
                self.ready.append(event)
                self._console.print(f"[green]✓[/] {part:6} {names.HOST}:{port}  ready after {seconds:.1f} s")

    def _fetched(self, done: int, total: int) -> None:
        if not self._said and not self._console.is_terminal:
            self._console.print(f"Fetching Kafka's jars, once: {total / MEGABYTE:.0f} MB")
        self._said = True
        self._bar.update(self._task, completed=done, total=total, visible=done < total)


def row(health: ComponentHealth) -> dict[str, Any]:
    """A part for JSON; memory in bytes."""
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


def table(found: list[ComponentHealth], console: Console) -> None:
    """Print a line for each part, then what the crashed ones wrote last."""
    rows = Table(box=None, pad_edge=False)
    for heading in ("part", "status", "address", "pid", "memory"):
        rows.add_column(heading)
    for health in found:
        part = health.part
        status = "[green]running[/]" if health.alive else "[red]crashed[/]"
        memory = f"{health.memory / MEGABYTE:.0f} MB" if health.alive else ""
        address = f"{names.HOST}:{part.port}" if part.port else ""
        rows.add_row(part.name, status, address, str(part.pid), memory)
    console.print(rows)
    for health in (health for health in found if not health.alive):
        remedy = "`headrace sandbox up` starts it again." if health.part.name in ALL else ""
        console.print(f"\n[red]{health.part.name} crashed.[/] {remedy}")
        console.print(f"The end of {escape(str(health.part.log))}:", soft_wrap=True)
        for line in health.last_lines or ("(nothing was written)",):
            console.print(f"  {escape(line)}", soft_wrap=True)
