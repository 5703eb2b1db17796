"""`headrace doctor`: check everything that the pipeline needs."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.terminal.output import print_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from headrace.console.check_runner import CheckResult

MARKS = {True: ("ok    ", "green"), False: ("failed", "red"), None: ("-     ", "dim")}

ComponentOption = Annotated[
    list[str] | None,
    typer.Option(
        "--component",
        help="With --aws: check only the permissions of a stage, `bridge`, `rule NAME` or `machine NAME`.",
        show_default=False,
    ),
]
MachineOption = Annotated[
    list[str] | None,
    typer.Option(
        "--machine",
        help="With --aws: check what the state machine of a JSON file needs; its name is that of the file.",
        show_default=False,
    ),
]
RoleOption = Annotated[
    str, typer.Option(help="With --aws: check the permissions of this IAM role, not of the caller.", show_default=False)
]


def doctor(
    with_aws: Annotated[bool, typer.Option("--aws", help="Check the AWS account instead; read-only.")] = False,
    component: ComponentOption = None,
    machine: MachineOption = None,
    role: RoleOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check every part that the pipeline needs, and print how to fix failures. Exit code 1 if a check fails.

    With --aws, check the identity, every permission of the enabled stages, rules, the bridge and the named state
    machines, the quotas, regions, queues, bucket notifications and the clock. It only reads, and needs no Kafka unless
    the rules are on system.rules.
    """
    from headrace.console.errors import CommandError

    if not with_aws and (component or machine or role):
        raise CommandError("--component, --machine and --role need --aws")
    results = _account(component or [], machine or [], role) if with_aws else _parts()
    if _report_json(results) if as_json else _print(results):
        raise typer.Exit(1)


def _parts() -> Iterator[CheckResult]:
    from headrace.connectors.aws.client import AwsSession
    from headrace.console import doctor
    from headrace.console.check_runner import run_checks
    from headrace.console.routing.stages import load_stages

    return run_checks(doctor.checks(cache(load_stages), AwsSession()))


def _account(components: list[str], files: list[str], role: str) -> Iterator[CheckResult]:
    from headrace.connectors.aws.client import AwsSession
    from headrace.console.aws_account.checks import AccountPlan, run_account_checks
    from headrace.console.commands.machine.definition_file import valid_definition
    from headrace.console.errors import CommandError
    from headrace.console.routing import targets
    from headrace.streams import pipeline

    machines = {Path(file).name.partition(".")[0]: valid_definition(file) for file in files}
    stages, rules = pipeline.stages(pipeline.load_config()), targets.rules()
    known = ["bridge", *(stage.name for stage in stages), *(f"rule {rule.name}" for rule in rules)]
    known += [f"machine {name}" for name in machines]
    if unknown := [name for name in components if name not in known]:
        raise CommandError(f"no component {', '.join(unknown)}; there are {', '.join(known)}")
    return run_account_checks(AwsSession(), AccountPlan(stages, rules, components, role, machines))


def _print(results: Iterable[CheckResult]) -> int:
    """Print each result when it is there, and return the number of failures."""
    from headrace.console.terminal.screen import Console, Text

    console = Console()
    failures = 0
    for result in results:
        line = Text.assemble(MARKS[result.ok], " ", (result.part, "bold"), f": {result.message}")
        console.print(line, soft_wrap=True)
        if result.ok is False:
            failures += 1
            console.print(f"       -> {result.remedy}", soft_wrap=True)
    return failures


def _report_json(results: Iterable[CheckResult]) -> int:
    """Print all results as one JSON object, and return the number of failures."""
    checks = [asdict(result) for result in results]
    failures = sum(each["ok"] is False for each in checks)
    print_json({"failures": failures, "checks": checks})
    return failures
