"""The sandbox folder of a demo run."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from headrace.sandbox.cluster import cluster, processes
from headrace.sandbox.cluster.lifetime import end_children_with_me
from headrace.sandbox.cluster.state_file import locked, read, write
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.paths import default_data


@contextmanager
def place(data: Path | None, keep: bool) -> Iterator[Path]:
    """Yield the sandbox folder; at exit, stop everything started in it, unless `keep` is set.

    Without `keep` and `data` it is a temporary folder. Ctrl-C and SIGTERM disable `keep`. Without `keep`, everything
    stops with this process even if it is killed.

    Raises:
        SandboxError: A sandbox is already up in the folder and `keep` is not set.
    """
    temporary = None if keep or data else Path(tempfile.mkdtemp(prefix="headrace-demo-"))
    folder = (temporary or data or default_data()).resolve()
    before = alive(folder)
    if before and not keep:
        raise SandboxError(f"A sandbox is up in {folder}: add --keep to run the demo on it, or name another folder.")
    if not keep:
        end_children_with_me(temporary)
    try:
        yield folder
    except (KeyboardInterrupt, SystemExit):
        keep = False
        raise
    finally:
        if not keep:
            with signals_ignored():
                end(folder, before)
                if temporary:
                    shutil.rmtree(temporary)


def alive(folder: Path) -> set[str]:
    """Return the names of the running components."""
    return {name for name, part in read(folder).parts.items() if processes.is_alive(part)}


def end(folder: Path, kept: Collection[str]) -> None:
    """Stop all components except `kept`; first those that need the others to drain."""
    with locked(folder):
        state = read(folder)
        stopped = {name: part for name, part in state.parts.items() if name not in kept}
        processes.stop(part for name, part in stopped.items() if name not in cluster.ALL)
        processes.stop(stopped.values())
        write(folder, replace(state, parts={name: part for name, part in state.parts.items() if name in kept}))


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM during the shutdown."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
