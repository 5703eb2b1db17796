"""`headrace subscribe`: print events from the committed offset of a named subscription."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from headrace.console.terminal.output import print_json

BeginOption = Literal["earliest", "latest"]


def subscribe(
    name: Annotated[str, typer.Argument(help="Name of the subscription; a known name continues where it ended.")],
    topics: Annotated[str, typer.Option("--topics", help="Topics, separated by commas.")] = "media.completed",
    pattern: Annotated[str, typer.Option("--pattern", help="Event pattern: JSON, or a JSON file.")] = "",
    begin: Annotated[BeginOption, typer.Option("--from", help="Where a new subscription starts.")] = "earliest",
    count: Annotated[
        int | None, typer.Option(min=1, help="End after this number of events.", show_default=False)
    ] = None,
    idle: Annotated[
        float | None,
        typer.Option(min=0.1, help="End after this number of seconds without an event.", show_default=False),
    ] = None,
) -> None:
    """Print events as JSON lines. Processes with the same subscription name share the events.

    Secrets are redacted. Offsets are committed after printing. Ctrl-C ends the command.
    """
    from headrace.console.errors import CommandError
    from headrace.console.kafka.log_reader import LogReader
    from headrace.console.routing import subscription
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.kafka.topic_follower import TopicFollower
    from headrace.schemas.serde import registry
    from headrace.schemas.serde.schema_topic import follow_schemas
    from headrace.schemas.settings import load

    settings = load(KafkaSettings)
    names = [each.strip() for each in topics.split(",") if each.strip()]
    existing = LogReader(settings).topics()
    if missing := [each for each in names if each not in existing]:
        raise CommandError(f"unknown topic {', '.join(missing)}. To list topics: headrace topics list")
    codec = registry.create_codec(settings)
    schemas: TopicFollower = follow_schemas(settings, codec)
    schemas.start()
    request = subscription.Subscription(name, names, begin, count, idle)
    try:
        subscription.follow(request, settings, codec, _matcher(pattern), _print)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        schemas.stop()


def _matcher(pattern: str) -> Any:
    from headrace.console.commands.json_args import read_pattern

    return read_pattern(pattern).matches if pattern else lambda _: True


def _print(event: Mapping[str, Any]) -> None:
    print_json(event, indent=None)
