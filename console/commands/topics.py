"""The Kafka topics."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from headrace.console.commands.schemas import AsJson
from headrace.console.errors import Refused
from headrace.schemas.topics_cli import topics_app
from headrace.streams import pipeline
from headrace.streams.costs import daily_budget


def _stages() -> tuple[str, ...]:
    return tuple(stage.name for stage in pipeline.stages())


app = topics_app(_stages)


@app.command()
def acls(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="ROLE...", help="bridge, webhook, backfill or stages; all without one."),
    ] = None,
    principal: Annotated[
        str, typer.Option(help="Who a role is to Kafka; {role} stands for its name.")
    ] = "User:headrace.{role}",
    as_json: AsJson = False,
) -> None:
    """Say the least that each role must be allowed: one line a rule, as arguments of kafka-acls.sh.

    Whoever uses `headrace topics apply`, `headrace dlq` or `headrace replay` needs an administrator's rights.
    """
    from headrace.console.pipeline import acls as least
    from headrace.console.routing.targets import rules

    forwards = {rule.stage_name: rule.target.address for rule in rules() if rule.target.kind == "topic"}
    stages = pipeline.stages()
    followed = daily_budget.followed(stages) if pipeline.choice().budget.day is not None else ()
    found = least.roles(stages, forwards, followed)
    if unknown := [name for name in names or () if name not in found]:
        raise Refused(f"no role {', '.join(unknown)}: there are {', '.join(found)}")
    wanted = {name: allowed for name, allowed in found.items() if not names or name in names}
    if as_json:
        typer.echo(json.dumps({name: [asdict(rule) for rule in allowed] for name, allowed in wanted.items()}, indent=2))
        return
    for name, allowed in wanted.items():
        for rule in allowed:
            typer.echo(rule.arguments(principal.replace("{role}", name)))
