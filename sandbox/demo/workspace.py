"""Where a run of the demo happens: a sandbox of its own or one that stays, and none of the user's own surroundings."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.connectors.bridge.settings import BridgeSettings
from headrace.console.settings import ConsoleSettings
from headrace.sandbox.cluster import cluster, processes
from headrace.sandbox.cluster.lifetime import end_children_with_me
from headrace.sandbox.cluster.state_file import ClusterState, locked, read, write
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.names import HOST
from headrace.sandbox.paths import default_data
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams.settings import PipelineSettings, StreamSettings


@contextmanager
def place(data: Path | None, keep: bool) -> Iterator[Path]:
    """Give the folder of the sandbox to use, and end at the end what was started there since, unless it is to be kept.

    Without `keep` and `data` it is a new folder, which goes with it. What Ctrl-C or SIGTERM cut short is not kept, and
    what is not to be kept ends with this process also when it is killed.
    Raises `SandboxError` where a sandbox is up that would not be kept: it is nothing for a demo to end.
    """
    own = None if keep or data else Path(tempfile.mkdtemp(prefix="headrace-demo-"))
    folder = (own or data or default_data()).resolve()
    before = alive(folder)
    if before and not keep:
        raise SandboxError(f"A sandbox is up in {folder}: add --keep to run the demo on it, or name another folder.")
    if not keep:
        end_children_with_me(own)
    try:
        yield folder
    except (KeyboardInterrupt, SystemExit):
        keep = False
        raise
    finally:
        if not keep:
            with _undisturbed():
                end(folder, before)
                if own:
                    shutil.rmtree(own)


def alive(folder: Path) -> set[str]:
    """Name the parts of a sandbox that run."""
    return {name for name, part in read(folder).parts.items() if processes.is_alive(part)}


def end(folder: Path, spared: Collection[str]) -> None:
    """End the parts that are not to be spared: first those that need the others to drain."""
    with locked(folder):
        state = read(folder)
        mine = {name: part for name, part in state.parts.items() if name not in spared}
        processes.stop(part for name, part in mine.items() if name not in cluster.ALL)
        processes.stop(mine.values())
        write(folder, ClusterState({name: part for name, part in state.parts.items() if name in spared}, state.ports))


def isolate_environment() -> None:
    """Make this process and its children see no account, no cluster, no settings and no proxy of the user's.

    The demo is to end in the same way everywhere.
    """
    ours = {
        f"HEADRACE_{field}".upper()
        for settings in (KafkaSettings, StreamSettings, PipelineSettings, BridgeSettings, ConsoleSettings)
        for field in settings.model_fields
    }
    for name in [name for name in os.environ if name.startswith("AWS_") or name in ours]:
        del os.environ[name]
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(each for each in (HOST, os.environ.get(name, "")) if each)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nobody cut short the end of what was started."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
