"""`headrace rules try`: what candidate rules would have routed, compared with the active rules."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.terminal.output import print_json, print_line

if TYPE_CHECKING:
    from headrace.console.kafka.admin import KafkaAdmin
    from headrace.console.routing.history.pairs import RulePair
    from headrace.console.routing.history.tally import Comparison

INTERRUPTED = 130
"""The exit code of a shell for a command that SIGINT ended."""


def try_rules(
    folder: Annotated[str, typer.Argument(help="Folder of candidate rules.", show_default=False)],
    since: Annotated[str, typer.Option(help="First record: 2026-03-14T15:09, or -7d.")] = "-7d",
    topics: Annotated[str, typer.Option(help="Topics, separated by commas (default: all that the rules read).")] = "",
    prune: Annotated[bool, typer.Option("--prune", help="Without the active rules that are not in FOLDER.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Do not continue an interrupted run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with all payloads.")] = False,
) -> None:
    """Compare candidate rules with the active rules over the records of the log. Nothing is sent.

    Prints the records that each rule would gain, lose or send differently, with examples, and near misses with the
    path that does not match. After Ctrl-C, the same command continues.
    """
    from dataclasses import asdict

    from headrace.console.commands.replay.common import connect, screen
    from headrace.console.routing.history.render import print_report
    from headrace.console.routing.history.report import build_report

    pairs = _pairs(folder, prune)
    cluster = connect()
    names = _topics(pairs, topics)
    comparison = _compare(cluster, pairs, names, since, restart)
    report = build_report(cluster, pairs, comparison)
    if as_json:
        print_json(asdict(report))
    else:
        print_report(report, screen())


def _pairs(folder: str, prune: bool) -> tuple[RulePair, ...]:
    """Pair the rules of the folder with the active rules. Raises `CommandError` if there are none of both."""
    from headrace.connectors.aws.client import AwsSession
    from headrace.console.errors import CommandError
    from headrace.console.routing import targets
    from headrace.console.routing.history.pairs import pair_rules

    candidates, aws = targets.rules(folder), AwsSession()
    for rule in candidates:
        targets.opened(aws, rule)
    pairs = pair_rules(targets.rules(), candidates, prune)
    if not candidates and not prune:
        raise CommandError(f"{folder}: no rules; a rule is a file NAME.toml")
    return pairs


def _topics(pairs: Sequence[RulePair], wanted: str) -> list[str]:
    from headrace.console.errors import CommandError

    rules = [rule for pair in pairs for rule in (pair.active, pair.candidate) if rule is not None]
    read = sorted({topic for rule in rules for topic in rule.reads})
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if unknown := [name for name in names if name not in read]:
        raise CommandError(f"no rule reads {unknown[0]}. The rules read {', '.join(read)}")
    return names or read


def _compare(
    cluster: KafkaAdmin, pairs: Sequence[RulePair], names: Sequence[str], since: str, restart: bool
) -> Comparison:
    from headrace.console.dlq.parallel_scan import records_in
    from headrace.console.routing.history import compare, tally
    from headrace.console.settings import state_folder
    from headrace.console.terminal.progress_bar import bar
    from headrace.console.terminal.timespec import parse_time

    request = compare.request_of(pairs, cluster.settings.bootstrap_servers, since, names)
    path = state_folder() / "rules" / f"{request}.json"
    comparison = None if restart else tally.load(path, request)
    if comparison is None:
        comparison = compare.start(cluster, request, pairs, names, parse_time(since, time.time()))
    else:
        print_line(f"continues after {comparison.read:,} records; from the start: --restart", error=True)
    total = records_in(comparison.spans)
    with bar("comparing rules", total) as advance, _interrupts() as is_stopped:
        complete = compare.run(cluster, pairs, comparison, path, advance, is_stopped)
    if not complete:
        left = records_in(comparison.spans)
        print_line(f"interrupted: {comparison.read:,} records compared, {left:,} left.", error=True)
        print_line(f"Run the same command again to continue; its state is {path}", error=True)
        raise typer.Exit(INTERRUPTED)
    path.unlink(missing_ok=True)
    return comparison


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Return whether Ctrl-C was pressed. A second Ctrl-C raises `KeyboardInterrupt`."""
    stopped: list[bool] = []

    def stop(_number: int, _frame: Any) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(True)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: bool(stopped)
    finally:
        signal.signal(signal.SIGINT, before)
