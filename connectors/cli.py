"""`headrace bridge`: carry what AWS says into Kafka, or look at what would be carried."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import Annotated, Any, TextIO

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
    from connectors.settings import BridgeSettings
    from connectors.start import run
    from schemas import logs
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
        running.result()


@app.command()
def translate(
    file: Annotated[typer.FileText, typer.Argument(help="Message bodies, one JSON document a line; - reads stdin.")],
) -> None:
    """Say what the bridge would make of messages: one JSON line for each record or refusal. Sends nothing."""
    import orjson

    for line in rows(file):
        sys.stdout.write(orjson.dumps(line).decode() + "\n")


def rows(bodies: TextIO | Iterable[str]) -> Iterable[dict[str, Any]]:
    """Give what each message would become."""
    import msgspec

    from connectors.aws_events import translate as translated
    from connectors.translation import Ignored, Refused
    from schemas import topics
    from schemas.envelope import to_headers

    for number, body in enumerate(bodies, 1):
        found = translated(body, datetime.now(UTC))
        if isinstance(found, Refused):
            yield {"line": number, "refused": found.code, "why": found.why}
        elif isinstance(found, Ignored):
            yield {"line": number, "ignored": found.why}
        else:
            for event, envelope in found.facts:
                yield {
                    "line": number,
                    "topic": topics.topic_of(event).name,
                    "key": topics.subject_of(event),
                    "headers": {name: (value or b"").decode() for name, value in to_headers(envelope)},
                    "value": msgspec.to_builtins(event),
                }
