"""Run generated state machines under kills: `python -m tests.chaos.run_machines`.

Each machine runs once undisturbed, and again with workers that are killed at random effects: between two records of a
transition, before an acknowledgement, or before the commit. Every run must end as the interpreter says, with the same
history and the same tasks.
"""

from __future__ import annotations

import logging
from typing import Annotated

import structlog
import typer

from tests.chaos.support.machine_chaos import check_machine

MACHINES = 2_000
KILLS = 3


def main(
    machines: Annotated[int, typer.Option(help="Number of generated machines.")] = MACHINES,
    kills: Annotated[int, typer.Option(help="Kills of each machine, one per run.")] = KILLS,
    first: Annotated[int, typer.Option(help="Seed of the first machine.")] = 0,
) -> None:
    """Check the machines, and print those that fail. Exit code 1 if there are any."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    done, failed = 0, []
    for seed in range(first, first + machines):
        try:
            done += check_machine(seed, kills)
        except AssertionError as error:
            failed.append(seed)
            typer.echo(f"machine {seed}: {error}")
        if seed % 100 == 99:
            typer.echo(f"{seed + 1 - first:,} machines, {done:,} kills, {len(failed)} failed")
    typer.echo(f"{machines:,} machines, {done:,} kills, {len(failed)} failed")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    typer.run(main)
