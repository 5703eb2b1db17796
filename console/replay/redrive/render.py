"""What a redrive is and does, for people and as plain data for `--json`. Pure, but for the printing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headrace.console.dlq.letter import short_ids
from headrace.console.dlq.sanitize import text
from headrace.console.replay.forecast.render import forecast_json, print_forecast
from headrace.console.replay.redrive.outcomes import RedriveOutcomes
from headrace.console.replay.redrive.plan import RedrivePlan
from headrace.console.replay.redrive.selection import CandidateLetter, LetterVerdict, why_not_retryable
from headrace.console.terminal.formatting import format_duration, pluralize

SHOWN = 20
"""Letters that a table shows at most; `--json` has all of them."""

WORDS: dict[LetterVerdict, str] = {
    "redriven": "went back already",
    "repeated": "older records of the same letters",
    "resolved": "resolved by somebody",
    "succeeded": "with a result by now",
    "superseded": "overtaken by a newer version",
    "capped": "redriven as often as they may be (--max-replays)",
    "hopeless": "that would only fail again",
    "other": "not asked for",
}


def redrive(plan: RedrivePlan) -> dict[str, Any]:
    """Tell a redrive's plan: every letter that was asked for, with its verdict."""
    return {
        "stage": plan.stage.name,
        "group": plan.group,
        "topic": plan.topic,
        "workers": list(plan.workers),
        "counts": dict(Counter(letter.verdict for letter in plan.letters)),
        "letters": [_letter(plan, letter) for letter in plan.letters if letter.verdict not in ("other", "repeated")],
        "outlook": forecast_json(plan.outlook),
    }


def outcomes(found: RedriveOutcomes) -> dict[str, Any]:
    """Tell what has become of what was sent."""
    return {**{str(ending): number for ending, number in found.counts().items()}, "codes": dict(found.codes())}


def print_redrive(plan: RedrivePlan, rate: float, console: Console) -> None:
    """Print a redrive's plan."""
    going = plan.selected()
    seconds = f", {format_duration(len(going) / rate)} at {rate:g} a second" if rate and len(going) > rate else ""
    console.print(f"[bold]redrive[/] of {pluralize(len(going), 'letter')} to {plan.stage.name}{seconds}")
    if any(each.was_set for each in plan.standings.values()):
        console.print("the position was set by hand: the letters behind it go back again")
    if going:
        console.print(_table(plan, going))
    counts = Counter(letter.verdict for letter in plan.letters)
    for verdict, words in WORDS.items():
        if counts[verdict]:
            console.print(f"{words}: {counts[verdict]:,}")
    for letter in plan.letters:
        if letter.verdict == "capped":
            console.print(f"  {letter.id}  {text(letter.key)}: {letter.replays} times", markup=False)
    for code in sorted({letter.code for letter in plan.letters if letter.verdict == "hopeless"}):
        console.print(f"  {code}: {why_not_retryable(code)}", markup=False)
    print_forecast(plan.outlook, console)
    if going and not plan.workers:
        name = plan.stage.name
        console.print(f"[red]nobody works on {name}: what is sent waits for headrace worker {name}[/]")


def print_outcomes(found: RedriveOutcomes, console: Console) -> None:
    """Print what has become of what was sent."""
    counts = found.counts()
    codes = ", ".join(f"{code} {number:,}" for code, number in found.codes().most_common())
    codes = f" ({codes})" if codes else ""
    console.print(
        f"{pluralize(sum(counts.values()), 'letter')} sent: [green]{counts['done']:,} done[/],"
        f" {counts['failed']:,} failed again{codes}, {counts['waiting']:,} not ended yet",
        highlight=False,
    )


def _letter(plan: RedrivePlan, letter: CandidateLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "record": plan.place(letter),
        "key": text(letter.key),
        "code": letter.code,
        "replays": letter.replays,
        "verdict": letter.verdict,
    }


def _table(plan: RedrivePlan, going: list[CandidateLetter]) -> Table:
    table = Table("letter", "key", "code", "replays", "record", box=None, pad_edge=False, header_style="bold")
    short = short_ids(letter.id for letter in plan.letters)
    for letter in going[:SHOWN]:
        cells = (short[letter.id], text(letter.key), letter.code, str(letter.replays), plan.place(letter))
        table.add_row(*map(Text, cells))
    if len(going) > SHOWN:
        table.add_row(f"and {len(going) - SHOWN:,} more")
    return table
