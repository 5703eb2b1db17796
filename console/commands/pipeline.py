"""`headrace pipeline`: which stages run, for which records, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.terminal.output import print_line

if TYPE_CHECKING:
    from headrace.console.terminal.screen import Table
    from headrace.streams.settings import StreamSettings

app = typer.Typer(no_args_is_help=True, help="Which stages run, for which records, and what they cost.")

File = Annotated[
    str | None,
    typer.Argument(help="Pipeline file; default: HEADRACE_PIPELINE.", show_default=False),
]


@app.command()
def show(file: File = None) -> None:
    """Show every stage: enabled or not, topics read and written, and filter."""
    from headrace.console.pipeline import tables
    from headrace.console.routing.stages import load_stages
    from headrace.streams import pipeline

    _print(tables.stages_table(load_stages(file), pipeline.all_stages()))


@app.command()
def check(file: Annotated[str, typer.Argument(help="Pipeline file.")]) -> None:
    """Check a pipeline file. Exit code 1, with the location and a remedy, if it is invalid."""
    from headrace.console.routing.stages import load_stages
    from headrace.streams import pipeline
    from headrace.streams.costs.prices import load_price_list
    from headrace.streams.limits import job_quotas
    from headrace.streams.worker.limit_names import check_limit_names

    stages, settings = load_stages(file), _settings()
    check_limit_names(settings, (*pipeline.all_stages(), *stages))
    for line in job_quotas.overbooked(stages, settings.slots, load_price_list().region):
        print_line(f"note: {line} (HEADRACE_SLOTS)")
    print_line(f"{file}: {len(stages)} stages, {sum(bool(stage.paid_operations) for stage in stages)} of them paid")


@app.command()
def cost(file: File = None) -> None:
    """Print the cost of each paid stage for an image, an hour of video or sound, and 1,000 words of text."""
    from headrace.console.pipeline import tables
    from headrace.console.routing.stages import load_stages
    from headrace.streams.costs.prices import load_price_list

    _print(tables.costs_table(load_stages(file), load_price_list()))
    print_line('As frames, at most: [stages.NAME] sample = "scenes". In brackets: the way that is not used.')
    print_line("US dollars at the prices of streams/costs/prices.toml, or of HEADRACE_PRICES.")


@app.command()
def capacity(
    file: File = None,
    assets_per_day: Annotated[float, typer.Option(help="Files that arrive in a day.")] = 10_000,
    size: Annotated[float, typer.Option(help="Average size of a file in MB.")] = 20,
    minutes: Annotated[float, typer.Option(help="Average length of a video or sound in minutes.")] = 3,
    mix: Annotated[str, typer.Option(help="Share of each kind of file.")] = "image=70,video=20,audio=5,document=5",
    peak: Annotated[float, typer.Option(help="Rate of the busiest hour, as a multiple of the average rate.")] = 3,
    retention: Annotated[
        float | None, typer.Option(help="Days that topics keep records; default: those of each topic.")
    ] = None,
    replicas: Annotated[int, typer.Option(help="Replicas of each record in Kafka.")] = 3,
    assume: Annotated[
        list[str] | None, typer.Option(metavar="NAME=NUMBER", help="Replace an assumption; repeatable. See --explain.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print the assumptions and where figures are from.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Forecast what a number of files a day takes: workers, partitions, storage, S3 requests, quotas and backlog.

    No AWS service is called. Coefficients are measured with the sandbox; see docs/scale.md.
    """
    from headrace.console.capacity import render
    from headrace.console.capacity.assumptions import parse_assumptions
    from headrace.console.capacity.kafka_plan import KafkaPolicy, check_policy
    from headrace.console.capacity.measured import read_measured
    from headrace.console.capacity.plan import PlanInputs, plan_capacity
    from headrace.console.capacity.workload import Workload, check_workload, parse_mix
    from headrace.console.routing.stages import load_stages
    from headrace.console.terminal.output import print_json
    from headrace.console.terminal.screen import Console
    from headrace.streams import pipeline
    from headrace.streams.costs.prices import load_price_list

    workload, policy = Workload(assets_per_day, size, minutes, parse_mix(mix), peak), KafkaPolicy(replicas, retention)
    check_workload(workload)
    check_policy(policy)
    has_daily_budget = pipeline.load_config(file).budget.day is not None
    assumed = parse_assumptions(assume or ())
    given = PlanInputs(assumed, read_measured(), load_price_list(), _settings(), policy, has_daily_budget)
    plan = plan_capacity(load_stages(file), workload, given)
    if as_json:
        print_json(render.plan_json(plan, assumed))
        return
    render.print_plan(plan, Console())
    if explain:
        render.print_sources(assumed, given.measured, Console())


def _settings() -> StreamSettings:
    from headrace.schemas.settings import load
    from headrace.streams.settings import StreamSettings

    return load(StreamSettings, results_bucket="none")  # a file can be checked without a bucket


def _print(table: Table) -> None:
    from headrace.console.terminal.screen import Console

    Console().print(table)
