"""`headrace bridge`: move events from SQS to Kafka, preview messages, check a sources file."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.terminal.output import print_json, print_line, print_lines
from headrace.console.terminal.user_files import read_lines

if TYPE_CHECKING:
    from headrace.connectors.bridge_sources.config import SourcesConfig

app = typer.Typer(help="Move events from SQS to Kafka.", invoke_without_command=True)

SourcesFile = Annotated[Path, typer.Argument(metavar="FILE", help="Sources file (TOML).", show_default=False)]


@app.callback()
def bridge(
    context: typer.Context,
    sources: Annotated[
        Path | None, typer.Option(help="Sources file (TOML). Its queues replace HEADRACE_QUEUE_URLS.")
    ] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write the log as JSON lines.")] = False,
) -> None:
    """Move events from SQS to Kafka until SIGTERM or Ctrl-C. Messages are deleted once Kafka acknowledges them."""
    if context.invoked_subcommand is not None:
        return
    from headrace.connectors.bridge.bridge import BridgeError
    from headrace.connectors.bridge.service import serve
    from headrace.connectors.bridge.settings import BridgeSettings
    from headrace.console.commands.schemas import fail
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.runtime import logging
    from headrace.schemas.runtime.metrics_settings import MetricsSettings
    from headrace.schemas.runtime.stop_signals import stop_signals
    from headrace.schemas.settings import load

    queues: dict[str, Any] = {} if sources is None else {"queue_urls": _read(sources).urls}
    settings, cluster, metrics = load(BridgeSettings, **queues), load(KafkaSettings), load(MetricsSettings)
    logging.configure(json_logs)
    stop = threading.Event()

    def request_stop(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)  # a second signal ends the process; SQS redelivers its messages

    for number in stop_signals():
        signal.signal(number, request_stop)
    # Only the main thread handles signals, so it must not block in an uninterruptible call.
    with ThreadPoolExecutor(1, thread_name_prefix="bridge") as threads:
        running = threads.submit(serve, settings, cluster, stop, metrics)
        while not running.done():
            wait([running], timeout=0.2)
        try:
            running.result()
        except BridgeError as error:
            fail(str(error))


@app.command()
def preview(
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(help="Message bodies, one per line, raw or as JSON strings; - reads stdin."),
    ],
) -> None:
    """Print the records and rejections that messages would produce, as JSON lines. Sends nothing."""
    from headrace.connectors.events.preview import dry_run
    from headrace.schemas.serde import codec

    for row in dry_run(read_lines(file), datetime.now(UTC), codec.load()):
        print_json(row, indent=None)


@app.command()
def check(
    file: SourcesFile,
    offline: Annotated[bool, typer.Option("--offline", help="Print the requirements without calling AWS.")] = False,
) -> None:
    """Check that the AWS resources of a sources file are present. Fails if one is missing. Changes nothing."""
    from headrace.connectors.bridge_sources import requirements

    sources = _read(file)
    needs = list(requirements.requirements(sources))
    if offline:
        print_lines("\n".join(map(str, needs)))
        return
    from headrace.connectors.aws.client import AwsSession
    from headrace.connectors.bridge_sources.check import check_requirement

    aws = AwsSession()
    with ThreadPoolExecutor(8, thread_name_prefix="check") as threads:
        results = list(threads.map(lambda need: check_requirement(aws, need, sources.region), needs))
    for need, (state, reason) in zip(needs, results, strict=True):
        print_line(f"{state:<8} {need}" + (f"  ({reason})" if reason else ""))
    if any(state != "present" for state, _ in results):
        raise typer.Exit(1)


@app.command()
def policy(file: SourcesFile) -> None:
    """Print the minimal IAM policies as JSON: one for the bridge, one for each queue."""

    from headrace.connectors.bridge_sources.iam_policy import policies

    print_json(policies(_read(file)))


def _read(file: Path) -> SourcesConfig:
    """Read a sources file, or exit with its errors."""
    from headrace.connectors.bridge_sources.config import SourcesFileError, load_sources
    from headrace.console.commands.schemas import fail

    try:
        return load_sources(file)
    except SourcesFileError as error:
        fail(*str(error).split("\n"))
    except OSError as error:
        fail(f"{file}: {error.strerror}")
