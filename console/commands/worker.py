"""`headrace worker`: host stages in this process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.errors import CommandError

if TYPE_CHECKING:
    from headrace.console.routing.stages import LoadedStages
    from headrace.streams.stage import Stage


def worker(
    names: Annotated[list[str] | None, typer.Argument(metavar="STAGE...", help="Stages to host.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Host every stage.")] = False,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write the log as JSON lines.")] = False,
) -> None:
    """Host stages until SIGTERM or Ctrl-C, then finish the running records and stop."""
    if bool(names) == every:
        raise CommandError("name the stages to host, or use --all")

    from headrace.console.routing.stages import load_stages_and_rules
    from headrace.schemas.runtime import logging
    from headrace.streams import pipeline

    try:
        loaded = load_stages_and_rules()
        known = loaded.deployment.stages
        stages = known if every else pipeline.get_stages(names or [], known)
    except ValueError as error:
        raise CommandError(str(error)) from error
    logging.configure(json_logs)
    host_stages(stages, loaded, host_new_rules=every)


def host_stages(stages: Sequence[Stage], loaded: LoadedStages, host_new_rules: bool = False) -> None:
    """Run a worker process for the given stages until SIGTERM or Ctrl-C."""
    from headrace.connectors.sinks.http_connections import load_connections
    from headrace.connectors.sinks.settings import TargetSettings
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.runtime.metrics_settings import MetricsSettings
    from headrace.schemas.settings import load
    from headrace.streams.settings import StreamSettings
    from headrace.streams.worker import host as streams_worker

    plan = streams_worker.WorkerConfig(
        stages,
        loaded.deployment,
        load(StreamSettings),
        load(KafkaSettings),
        loaded.rules,
        host_new_rules,
        load_connections(load(TargetSettings)),
        load(MetricsSettings),
    )
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(until_signal(streams_worker.run, plan))


async def until_signal(run: Callable[..., Any], plan: object) -> None:
    """Run until SIGTERM or Ctrl-C. A second signal ends the process at once."""
    from headrace.schemas.runtime.stop_signals import stop_signals

    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in stop_signals():
        loop.add_signal_handler(number, on_signal, number)
    await run(plan, stop)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop factory where it is installed: 25 % faster under Faust."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
