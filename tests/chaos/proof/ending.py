"""The end of a proof: drain, mend the broken files, redrive the dead letters, compare the accounts and the views."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.console.views.locations import LINK
from tests.chaos.proof.facts import Facts
from tests.chaos.proof.site import ProofSite
from tests.chaos.proof.uploads import BUCKET, Feeder
from tests.support.process import wait_for

DRAIN_SECONDS = 120.0
"""Deadline of each step on a quiet machine."""
REDRIVES = 3


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The accounting of all stages, the dead letters that were redriven and open, and the problems of the views."""

    accounts: dict[str, int]
    redriven: int
    problems: tuple[str, ...]


def finish(site: ProofSite, feeder: Feeder, facts: Facts) -> Outcomes:
    """Wait for the end of all records, redrive the dead letters, and compare the accounts."""
    problems: list[str] = []
    _wait(site, lambda: not feeder.open.begun, "all uploads to complete", problems)
    _wait(site, lambda: not audit(site)["waiting"], "the stages to read all records", problems)
    broken = facts.rows("SELECT DISTINCT asset FROM uploads WHERE sample = 'broken.jpg' ORDER BY asset")
    feeder.mend([str(row[0]).removeprefix(f"{BUCKET}/") for row in broken])
    redriven = _redrive(site, problems)
    _wait(site, lambda: not audit(site)["waiting"], "the redriven records", problems)
    _wait(site, lambda: _views_lag(site) == 0, "the views to read all records", problems)
    problems += _problems(site)
    return Outcomes(audit(site), redriven, tuple(problems))


def views_file(site: ProofSite) -> Path:
    """Return the database of the views."""
    folder = Path(site.supervisor.parts["views"].environment["HEADRACE_VIEWS"])
    return (folder / LINK).resolve()


def _wait(site: ProofSite, condition: Callable[[], bool], what: str, problems: list[str]) -> None:
    def tended() -> bool:
        site.supervisor.tend()
        return condition()

    try:
        wait_for(tended, what, DRAIN_SECONDS)
    except AssertionError as error:
        problems.append(str(error))


def _redrive(site: ProofSite, problems: list[str]) -> int:
    """Redrive the dead letters until none is open, because a file may fail in one stage after another."""
    sent = 0
    for _ in range(REDRIVES):
        found = _open_letters(site)
        if not found:
            return sent
        sent += len(found)
        done = site.command(
            "replay", "redrive", "--execute", "--rate", "0", "--canary", "0", "--reason", "proof", seconds=300
        )
        if done.returncode:
            problems.append(f"redrive exited with {done.returncode}: {(done.stderr or done.stdout)[-300:]}")
        _wait(site, lambda: not audit(site)["waiting"], "the redriven records", problems)
    problems += [f"dead letter {each['id']} is open: {each['code']}" for each in _open_letters(site)[:5]]
    return sent


def _open_letters(site: ProofSite) -> list[dict[str, Any]]:
    done = site.command("dlq", "list", "--json", "--from-log", "--limit", "1000000")
    found: list[dict[str, Any]] = json.loads(done.stdout)["letters"]
    return found


def audit(site: ProofSite) -> dict[str, int]:
    """Return the sums over all stages."""
    names = ("accepted", "done", "superseded", "dead_lettered", "retried", "waiting", "lost", "unaccounted")
    accounts = _accounts(site)["accounts"]
    return {name: sum(each[name] for each in accounts) for name in names}


def _problems(site: ProofSite) -> Iterator[str]:
    yield from _accounts(site)["problems"]


def _accounts(site: ProofSite) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.command("audit", "check", "--json").stdout)
    return found


def _views_lag(site: ProofSite) -> int:
    status = json.loads(site.command("views", "status", "--json").stdout)
    return sum(int(each["lag"]) for each in status["topics"])


def views_problems(site: ProofSite, facts: Facts) -> Iterator[str]:
    """Compare the views with a fresh fold of the log and with the uploads."""
    verified = site.command("views", "verify", "--all", "--json", seconds=1800)
    if verified.returncode:
        yield f"the views differ from a fresh fold: {(verified.stdout or verified.stderr)[-500:]}"
    expected = facts.number("SELECT count(DISTINCT asset) FROM uploads")
    with closing(sqlite3.connect(f"file:{views_file(site)}?mode=ro", uri=True)) as views:
        (found,) = views.execute("SELECT count(*) FROM assets").fetchone()
    if found != expected:
        yield f"the views have {found} assets, and {expected} were uploaded"
