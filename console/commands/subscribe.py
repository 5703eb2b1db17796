"""`headrace subscribe`: events as they come, from where this subscription left off."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

import typer

BeginOption = Literal["earliest", "latest"]


def subscribe(
    name: Annotated[str, typer.Argument(help="The subscription: who asks again under it goes on where it ended.")],
    topics: Annotated[str, typer.Option("--topics", help="Topics, separated by commas.")] = "media.completed",
    pattern: Annotated[str, typer.Option("--pattern", help="An event pattern: JSON, or a file of it.")] = "",
    begin: Annotated[BeginOption, typer.Option("--from", help="Where a new subscription begins.")] = "earliest",
    count: Annotated[int | None, typer.Option(min=1, help="End after so many events.", show_default=False)] = None,
    idle: Annotated[
        float | None, typer.Option(min=0.1, help="End after so many seconds without an event.", show_default=False)
    ] = None,
) -> None:
    """Print events as JSON lines: each once to every subscription, shared out among those that ask under one name.

    It is committed when it is printed. Ctrl-C ends it.
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
    wanted = [each.strip() for each in topics.split(",") if each.strip()]
    there = LogReader(settings).topics()
    if missing := [each for each in wanted if each not in there]:
        raise CommandError(f"there is no topic {', '.join(missing)}; `headrace topics list` names them")
    book = registry.create_codec(settings)
    schemas: TopicFollower = follow_schemas(settings, book)
    schemas.start()
    wish = subscription.Subscription(name, wanted, begin, count, idle)
    try:
        subscription.follow(wish, settings, book, _wants(pattern), _print)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        schemas.stop()


def _wants(pattern: str) -> Any:
    from headrace.console.commands.json_args import read_pattern

    return read_pattern(pattern).matches if pattern else lambda _: True


def _print(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
