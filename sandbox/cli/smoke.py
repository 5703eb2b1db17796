"""`headrace sandbox smoke-aws`: three small files through every enabled stage of a real AWS account."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.errors import CommandError
from headrace.console.terminal.output import confirm_or_abort, print_line
from headrace.schemas.parsing import InvalidValueError

if TYPE_CHECKING:
    from headrace.sandbox.smoke.run import SmokePlan

REPORT = Path("headrace-smoke.json")


def smoke_aws(
    bucket: Annotated[str, typer.Argument(help="An empty bucket, for samples and results.", show_default=False)],
    ceiling: Annotated[float, typer.Option(min=0.0, help="Price ceiling in US dollars.")] = 0.5,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    report: Annotated[Path, typer.Option(help="File of the report.")] = REPORT,
    limit: Annotated[float, typer.Option(min=1.0, help="Time limit for the files in seconds.")] = 900.0,
) -> None:
    """Process three small files with every enabled stage on a real AWS account, and delete all that was created.

    Prints the highest price and asks first. Kafka and the workers run on this machine; the stages are those of
    HEADRACE_PIPELINE. The report has no account ids, names of resources or keys. Exit code 1 if a stage fails.
    """
    from headrace.connectors.aws.client import AwsCallError, AwsSession
    from headrace.connectors.backfill.listing import ListingError
    from headrace.console.terminal.screen import Console
    from headrace.sandbox.cluster.progress_view import ProgressView
    from headrace.sandbox.demo import workspace
    from headrace.sandbox.errors import SandboxError
    from headrace.sandbox.smoke import run
    from headrace.sandbox.smoke.report import as_text

    plan = _plan(bucket, ceiling, limit)
    for stage, usd in plan.price.by_stage.items():
        print_line(f"{stage:<16} ${usd:.4f}")
    print_line(f"{'at most':<16} ${plan.price.usd:.4f}, ceiling ${ceiling:g}")
    if not yes:
        confirm_or_abort(f"Process three files in {bucket} with this AWS account?")
    try:
        with workspace.place(None, keep=False) as folder, ProgressView(Console()) as view:
            result = run.smoke(plan, AwsSession(), folder, view.on_event)
    except (AwsCallError, ListingError, SandboxError) as error:
        raise CommandError(str(error)) from error
    report.write_text(as_text(result), "utf-8")
    print_line(f"report: {report}")
    for line in result.failures:
        print_line(f"failed: {line}", error=True)
    if result.failures:
        raise typer.Exit(1)


def _plan(bucket: str, ceiling: float, limit: float) -> SmokePlan:
    """Return the plan of a test. Raises `CommandError` for a price that is unknown or above the ceiling."""
    from headrace.sandbox.smoke.config import smoke_pipeline
    from headrace.sandbox.smoke.price import smoke_price
    from headrace.sandbox.smoke.run import SmokePlan
    from headrace.streams import pipeline
    from headrace.streams.costs.prices import load_price_list

    path = os.environ.get("HEADRACE_PIPELINE", "")
    try:
        config = smoke_pipeline(path, ceiling)
    except (OSError, InvalidValueError) as error:
        raise CommandError(f"HEADRACE_PIPELINE: {error}") from error
    with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
        file.write(config)
        file.flush()
        stages = pipeline.stages(pipeline.load_config(file.name))
    price = smoke_price(stages, load_price_list())
    if price.unknown:
        raise CommandError(f"no price is known for {', '.join(price.unknown)}: add it to the file of HEADRACE_PRICES")
    if price.usd > ceiling:
        raise CommandError(f"the files cost up to ${price.usd:.4f}, above the ceiling of ${ceiling:g}: raise --ceiling")
    return SmokePlan(bucket, price, ceiling, limit, config)
