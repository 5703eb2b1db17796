"""`headrace bridge`: carry what AWS says into Kafka, or look at what would be carried."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from headrace.connectors.bridge_sources.config import SourcesConfig

app = typer.Typer(help="Carry events from SQS into Kafka.", invoke_without_command=True)

SourcesFile = Annotated[Path, typer.Argument(metavar="FILE", help="A sources file (TOML).", show_default=False)]


@app.callback()
def bridge(
    context: typer.Context,
    sources: Annotated[
        Path | None, typer.Option(help="A sources file (TOML), whose queues are used instead of HEADRACE_QUEUE_URLS.")
    ] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write the log as JSON lines.")] = False,
) -> None:
    """Carry events from SQS into Kafka until SIGTERM or Ctrl-C; a message is deleted when Kafka has it."""
    if context.invoked_subcommand is not None:
        return
    from headrace.connectors.bridge.bridge import BridgeError
    from headrace.connectors.bridge.service import serve
    from headrace.connectors.bridge.settings import BridgeSettings
    from headrace.console.commands.schemas import fail
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.runtime import logging
    from headrace.schemas.settings import load

    if sources is not None:
        os.environ["HEADRACE_QUEUE_URLS"] = ",".join(_read(sources).urls)
    settings, cluster = load(BridgeSettings), load(KafkaSettings)
    logging.configure(json_logs)
    stop = threading.Event()

    def told_to_stop(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)  # told a second time, it ends at once, and what it held comes back

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told_to_stop)
    # Signals reach the main thread only, and it must not hang in a call that they cannot interrupt.
    with ThreadPoolExecutor(1, thread_name_prefix="bridge") as threads:
        running = threads.submit(serve, settings, cluster, stop)
        while not running.done():
            wait([running], timeout=0.2)
        try:
            running.result()
        except BridgeError as error:
            fail(str(error))


@app.command()
def translate(
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(help="Message bodies, one a line, as they are or as JSON strings; - reads stdin."),
    ],
) -> None:
    """Say what the bridge would make of messages: one JSON line for each record or refusal. Sends nothing."""
    import orjson

    from headrace.connectors.events import preview
    from headrace.schemas.serde import codec

    for row in preview.dry_run(file, datetime.now(UTC), codec.load()):
        sys.stdout.write(orjson.dumps(row).decode() + "\n")


@app.command()
def check(
    file: SourcesFile,
    offline: Annotated[bool, typer.Option("--offline", help="Only read the file; ask AWS nothing.")] = False,
) -> None:
    """Say what a sources file needs in AWS and what of it is there. Fails unless all is. Changes nothing."""
    from headrace.connectors.bridge_sources import requirements

    read = _read(file)
    needs = list(requirements.requirements(read))
    if offline:
        typer.echo("\n".join(map(str, needs)))
        return
    from headrace.connectors.bridge_sources.check import check_requirement

    with ThreadPoolExecutor(8, thread_name_prefix="look") as threads:
        found = list(threads.map(lambda need: check_requirement(need, read.region), needs))
    for need, (state, why) in zip(needs, found, strict=True):
        typer.echo(f"{state:<8} {need}" + (f"  ({why})" if why else ""))
    if any(state != "there" for state, _ in found):
        raise typer.Exit(1)


@app.command()
def policy(file: SourcesFile) -> None:
    """Print the least that IAM must allow: the bridge's policy, and each queue's own, as JSON."""
    import json

    from headrace.connectors.bridge_sources.iam_policy import policies

    typer.echo(json.dumps(policies(_read(file)), indent=2))


def _read(file: Path) -> SourcesConfig:
    """Read a sources file, or end the command with what is wrong in it."""
    from headrace.connectors.bridge_sources.config import SourcesFileError, load_sources
    from headrace.console.commands.schemas import fail

    try:
        return load_sources(file)
    except SourcesFileError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{file}: {error.strerror}")
