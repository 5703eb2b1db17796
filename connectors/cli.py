"""`headrace bridge`: carry what AWS says into Kafka, or look at what would be carried."""

from __future__ import annotations

import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import Annotated

import typer

app = typer.Typer(help="Carry events from SQS into Kafka.", invoke_without_command=True)


@app.callback()
def bridge(
    context: typer.Context,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write the log as JSON lines.")] = False,
) -> None:
    """Carry events from SQS into Kafka until SIGTERM or Ctrl-C; a message is deleted when Kafka has it."""
    if context.invoked_subcommand is not None:
        return
    from connectors.bridge import BridgeFailed
    from connectors.settings import BridgeSettings
    from connectors.start import run
    from schemas import logs
    from schemas.cli import fail
    from schemas.settings import KafkaSettings, load

    settings, cluster = load(BridgeSettings), load(KafkaSettings)
    logs.configure(json_logs)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # Signals reach the main thread only, and it must not hang in a call that they cannot interrupt.
    with ThreadPoolExecutor(1, thread_name_prefix="bridge") as threads:
        running = threads.submit(run, settings, cluster, stop)
        while not running.done():
            wait([running], timeout=0.2)
        try:
            running.result()
        except BridgeFailed as error:
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

    from connectors import preview
    from schemas import codec

    for row in preview.rows(file, datetime.now(UTC), codec.load()):
        sys.stdout.write(orjson.dumps(row).decode() + "\n")
