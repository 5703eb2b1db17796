"""The Kafka topics."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from confluent_kafka import KafkaException

from headrace.console.commands.schemas import SchemasJsonOption, fail
from headrace.console.errors import CommandError
from headrace.console.terminal.output import print_json, print_line
from headrace.console.terminal.screen import Column, Console, Table
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.reachability import answered
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import catalog, schema_topic
from headrace.schemas.settings import SettingsError, load
from headrace.schemas.topics import MACHINE_INBOX, Topic
from headrace.streams.costs import daily_budget
from headrace.streams.routing.rule import MACHINE, TOPIC

app = typer.Typer(name="topics", help="The Kafka topics.", no_args_is_help=True)


@app.command("list")
def list_(as_json: SchemasJsonOption = False) -> None:
    """List the topics with description, partitions and retention."""
    show(pipeline_topics(), as_json)


@app.command()
def apply(
    partitions: Annotated[
        bool,
        typer.Option("--partitions", help="Plan more partitions for existing topics (HEADRACE_PARTITIONS)."),
    ] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Carry out the plan of --partitions.")] = False,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait until all records of these topics are finished.", min=0, max=86_400)
    ] = 0.0,
) -> None:
    """Create missing topics and publish the schemas. Existing topics are not changed.

    With `--partitions`, show which existing topics get more partitions, and what that means for the order of records;
    with `--execute`, add them once all their records are finished and the workers that read them are stopped.
    """
    if (execute or wait) and not partitions:
        raise CommandError("--execute and --wait belong to --partitions")
    table = pipeline_topics()
    if partitions:
        from headrace.console.commands.topic_partitions import add_partitions, show_partition_plan
        from headrace.console.routing.stages import load_stages

        if not execute:
            show_partition_plan(table, load_stages())
            return
        add_partitions(table, load_stages(), wait)
    apply_table(table)


@app.command()
def acls(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ROLE...", help="bridge, webhook, backfill, stages, console, views, operator, machine-api, topics."
        ),
    ] = None,
    principal: Annotated[
        str, typer.Option(help="Kafka principal of a role; {role} is replaced by its name.")
    ] = "User:headrace.{role}",
    as_json: SchemasJsonOption = False,
) -> None:
    """Print the minimal ACLs of each role, one per line, as arguments of kafka-acls.sh.

    The role `console` reads, `operator` also rewinds, redrives, applies rules and runs state machines, `machine-api`
    serves the Step Functions API, and `topics` runs `topics apply`.
    `headrace dlq import`, `headrace replay rewind --shadow` and `headrace replay discard` need an administrator.
    """
    from headrace.console.pipeline import acls as pipeline_acls
    from headrace.console.replay.groups import redrive_group
    from headrace.console.routing.stages import load_stages_and_rules
    from headrace.console.routing.targets import follows, rules

    targets = {rule.stage_name: rule.target for rule in rules() if rule.target.kind in (TOPIC, MACHINE)}
    forwards = {name: each.address if each.kind == TOPIC else MACHINE_INBOX.name for name, each in targets.items()}
    deployment = load_stages_and_rules().deployment
    followed = daily_budget.followed_topics(deployment.stages) if deployment.budget.day is not None else ()
    groups = [redrive_group(stage.name) for stage in deployment.stages]
    found = pipeline_acls.roles(pipeline_acls.AclScope(deployment.stages, forwards, followed, groups, follows()))
    if unknown := [name for name in names or () if name not in found]:
        raise CommandError(f"no role {', '.join(unknown)}: there are {', '.join(found)}")
    wanted = {name: allowed for name, allowed in found.items() if not names or name in names}
    if as_json:
        print_json({name: [asdict(rule) for rule in allowed] for name, allowed in wanted.items()})
        return
    for name, allowed in wanted.items():
        for rule in allowed:
            print_line(rule.arguments(principal.replace("{role}", name)))


def show(table: tuple[Topic, ...], as_json: bool) -> None:
    """Print the topic table."""
    if as_json:
        print_json([_row(topic) for topic in table])
        return
    grid = Table(
        Column("topic", no_wrap=True),
        "description",
        "partitions",
        "retention",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    for topic in table:
        grid.add_row(topic.name, topic.description, str(topic.partitions), _retention(topic))
    Console().print(grid)


def apply_table(table: tuple[Topic, ...]) -> None:
    """Create the missing topics of a table, publish the schemas, and print what was done."""
    try:
        settings = load(KafkaSettings)
    except SettingsError as error:
        fail(str(error))
    try:
        client = clients.admin(settings)
        there = answered(settings, lambda seconds: clients.partition_counts(client, seconds))
        created = clients.create_topics(client, table, settings.replication_factor)
        schema_topic.publish_schemas(clients.producer(settings), catalog.versions())
    except KafkaException as error:
        fail(clients.describe_error(error, settings))
    except schema_topic.SchemasNotPublishedError as error:
        fail(f"topics are there, but {topics.SCHEMAS.name} did not accept the schemas: {error}")
    for topic in table:
        print_line(f"{topic.name}: {'created' if topic.name in created else 'already there'}")
        if topic.name in there and there[topic.name] != topic.partitions:
            warn(topic, there[topic.name])
    print_line(f"{topics.SCHEMAS.name}: {len(catalog.versions())} schemas published")


def warn(topic: Topic, partitions: int) -> None:
    """Warn about a topic with a different number of partitions; to change it would break the order per key."""
    print_line(
        f"warning: {topic.name} has {partitions} partitions, expected {topic.partitions}; not changed, "
        "because a new number of partitions can break the order per asset: see topics apply --partitions",
        error=True,
    )


def _row(topic: Topic) -> dict[str, object]:
    return {
        "name": topic.name,
        "description": topic.description,
        "events": [event.EVENT for event in topic.events],
        "partitions": topic.partitions,
        "retention_days": None if topic.compacted else topic.retention_days,
        "compacted": topic.compacted,
    }


def _retention(topic: Topic) -> str:
    return "newest per key" if topic.compacted else f"{topic.retention_days} days"


def pipeline_topics() -> tuple[Topic, ...]:
    """List the topics of the current pipeline."""
    from headrace.console.routing.stages import load_topics

    return load_topics()
