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
    from headrace.streams.limits import job_quotas
    from headrace.streams.worker.limit_names import check_limit_names

    stages, settings = load_stages(file), _settings()
    check_limit_names(settings, (*pipeline.all_stages(), *stages))
    for line in job_quotas.overbooked(stages, settings.slots):
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


def _settings() -> StreamSettings:
    from headrace.schemas.settings import load
    from headrace.streams.settings import StreamSettings

    return load(StreamSettings, results_bucket="none")  # a file can be checked without a bucket


def _print(table: Table) -> None:
    from headrace.console.terminal.screen import Console

    Console().print(table)
