"""Redrive plans and outcomes as text and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any

from headrace.console.dlq.letter import short_ids
from headrace.console.replay.forecast.render import forecast_json, print_forecast
from headrace.console.replay.redrive.outcomes import RedriveOutcomes
from headrace.console.replay.redrive.plan import RedrivePlan
from headrace.console.replay.redrive.selection import CandidateLetter, LetterVerdict, why_not_retryable
from headrace.console.terminal.formatting import format_duration, pluralize
from headrace.console.terminal.screen import Console, Table, Text
from headrace.schemas.safe_text import safe_text

SHOWN = 20
"""Maximum number of table rows; `--json` has every dead letter."""

WORDS: dict[LetterVerdict, str] = {
    "redriven": "already sent",
    "older_record": "older records of the same dead letters",
    "resolved": "resolved by an operator",
    "succeeded": "already have a result",
    "superseded": "superseded by a newer version",
    "redrive_limit": "redrive limit reached (--max-replays)",
    "not_retryable": "would fail again",
    "not_selected": "not selected",
}


def redrive(plan: RedrivePlan) -> dict[str, Any]:
    """Return a redrive plan as JSON data: every matching dead letter with its verdict."""
    return {
        "stage": plan.stage.name,
        "group": plan.group,
        "topic": plan.topic,
        "workers": list(plan.workers),
        "counts": dict(Counter(letter.verdict for letter in plan.letters)),
        "letters": [
            _letter(plan, letter) for letter in plan.letters if letter.verdict not in ("not_selected", "older_record")
        ],
        "forecast": forecast_json(plan.forecast),
    }


def outcomes(of: RedriveOutcomes) -> dict[str, Any]:
    """Return the outcomes as JSON data."""
    return {**{str(outcome): number for outcome, number in of.counts().items()}, "codes": dict(of.codes())}


def print_redrive(plan: RedrivePlan, rate: float, console: Console) -> None:
    """Print a redrive plan."""
    letters = plan.selected()
    seconds = f", {format_duration(len(letters) / rate)} at {rate:g} per second" if rate and len(letters) > rate else ""
    what = f" of {pluralize(len(letters), 'dead letter')} to {plan.stage.name}{seconds}"
    console.print(Text.assemble(("redrive", "bold"), what))
    if any(each.was_set for each in plan.positions.values()):
        console.print("the position was set manually: dead letters after it are sent again")
    if letters:
        console.print(_table(plan, letters))
    counts = Counter(letter.verdict for letter in plan.letters)
    for verdict, words in WORDS.items():
        if counts[verdict]:
            console.print(f"{words}: {counts[verdict]:,}")
    for letter in plan.letters:
        if letter.verdict == "redrive_limit":
            console.print(f"  {letter.id}  {letter.key}: {letter.replays} times")
    for code in sorted({letter.code for letter in plan.letters if letter.verdict == "not_retryable"}):
        console.print(f"  {code}: {why_not_retryable(code)}")
    print_forecast(plan.forecast, console)
    if letters and not plan.workers:
        name = plan.stage.name
        console.print(
            f"no worker is running for {name}: sent records wait until you start one: headrace worker {name}",
            style="red",
        )


def print_outcomes(of: RedriveOutcomes, console: Console) -> None:
    """Print the outcomes of the sent dead letters."""
    counts = of.counts()
    codes = ", ".join(f"{code} {number:,}" for code, number in of.codes().most_common())
    codes = f" ({codes})" if codes else ""
    sent = f"{pluralize(sum(counts.values()), 'dead letter')} sent: "
    rest = f", {counts['failed']:,} failed again{codes}, {counts['waiting']:,} waiting"
    console.print(Text.assemble(sent, (f"{counts['done']:,} done", "green"), rest))


def _letter(plan: RedrivePlan, letter: CandidateLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "record": plan.place(letter),
        "key": safe_text(letter.key),
        "code": letter.code,
        "replays": letter.replays,
        "verdict": letter.verdict,
    }


def _table(plan: RedrivePlan, letters: list[CandidateLetter]) -> Table:
    table = Table("letter", "key", "code", "replays", "record", box=None, pad_edge=False, header_style="bold")
    short = short_ids(letter.id for letter in plan.letters)
    for letter in letters[:SHOWN]:
        cells = (short[letter.id], safe_text(letter.key), letter.code, str(letter.replays), plan.place(letter))
        table.add_row(*map(Text, cells))
    if len(letters) > SHOWN:
        table.add_row(f"and {len(letters) - SHOWN:,} more")
    return table
