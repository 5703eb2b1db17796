"""Run a proof: load, faults, end, checks, and the report."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.console.kafka.topic_reader import TopicReader
from headrace.console.routing.stages import load_stages
from tests.chaos.proof import ending, faults, log_reader, plants, recoveries
from tests.chaos.proof.ending import Outcomes
from tests.chaos.proof.facts import Facts
from tests.chaos.proof.findings import findings
from tests.chaos.proof.recoveries import Quantiles, Recoveries
from tests.chaos.proof.schedule import schedule
from tests.chaos.proof.site import ProofSite, proof_site
from tests.chaos.proof.uploads import Feeder
from tests.support.previous_version import build_version, read_previous
from tests.support.process import wait_for

RECORDS_PER_UPLOAD = 15
"""Records of one upload that stages accept, about: the proof asks the accounts from then on."""
WARM_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class ProofPlan:
    """A proof: records that stages accept, faults, the seconds over which they are spread.

    Bugs of `plants` are planted after the checks, one after another, and the checks run again.
    """

    seed: int
    records: int
    faults: int
    seconds: float
    open: int = 100
    plants: tuple[str, ...] = ()
    previous: str = ""


@dataclass(frozen=True, slots=True)
class ProofReport:
    """The result of a proof."""

    seed: int
    records: int
    uploads: int
    seconds: float
    faults: dict[str, int]
    not_run: dict[str, str]
    previous_release: str
    usual_seconds: Quantiles
    recovery_seconds: Quantiles
    recovery_seconds_by_kind: dict[str, Quantiles]
    exits: dict[str, dict[str, int]]
    accounts: dict[str, int]
    redriven: int
    jobs: int
    anomalies: list[str]
    planted: dict[str, list[str]] = field(default_factory=dict)


def run(plan: ProofPlan, folder: Path, say: Callable[[str], Any]) -> ProofReport:
    """Run a plan in a folder, which keeps the facts and the logs."""
    begun = time.monotonic()
    with proof_site(folder) as site:
        facts = Facts(folder / "facts.db")
        feeder = Feeder(site.endpoints, facts, site.picture, plan.seed, plan.open)
        measured = Recoveries(site.settings, feeder.open)
        release, commit = _release(site, plan)
        struck = _disturb(plan, site, feeder, measured, release, say)
        say("waiting for the end of all records")
        outcomes = ending.finish(site, feeder, facts)
        measured.stop()
        say("checking every record")
        stages = load_stages()
        log_reader.read(site.settings, log_reader.topics_of(stages), facts, TopicReader(site.settings).codec())
        facts.index()
        facts.attach(site.ledger, "ledger")
        anomalies = [*map(str, findings(facts, stages)), *ending.views_problems(site, facts)]
        anomalies += [*outcomes.problems, *_shortfalls(plan, outcomes, measured)]
        return ProofReport(
            seed=plan.seed,
            records=outcomes.accounts["accepted"],
            uploads=feeder.sent,
            seconds=round(time.monotonic() - begun, 1),
            faults=dict(sorted(struck.items())),
            not_run=site.not_run,
            previous_release=commit,
            usual_seconds=recoveries.quantiles(measured.usual),
            recovery_seconds=recoveries.quantiles([each for some in measured.by_kind.values() for each in some]),
            recovery_seconds_by_kind=recoveries.by_kind(measured.by_kind),
            exits=site.supervisor.exits(),
            accounts=outcomes.accounts,
            redriven=outcomes.redriven,
            jobs=facts.number("SELECT count(*) FROM ledger.jobs"),
            anomalies=anomalies,
            planted={name: _planted(name, site, facts) for name in plan.plants},
        )


def _planted(name: str, site: ProofSite, facts: Facts) -> list[str]:
    """Return what the checks find after a bug is planted."""
    if name == plants.SKIP_IN_VIEWS:
        plants.skip_in_views(ending.views_file(site))
        return list(ending.views_problems(site, facts))
    with facts.undone():
        plants.plant_in_facts(name, facts)
        return list(map(str, findings(facts, load_stages())))


def _release(site: ProofSite, plan: ProofPlan) -> tuple[Path | None, str]:
    commit = plan.previous or read_previous().commit
    try:
        return build_version(commit).folder, commit
    except subprocess.CalledProcessError:
        site.not_run["rolling upgrade"] = f"the previous release, commit {commit}, is not in this clone"
        return None, ""


def _disturb(
    plan: ProofPlan,
    site: ProofSite,
    feeder: Feeder,
    measured: Recoveries,
    release: Path | None,
    say: Callable[[str], Any],
) -> Counter[str]:
    """Upload until the schedule has ended and there are enough uploads. Return the number of faults by kind."""

    def wait(condition: Callable[[], bool], what: str, seconds: float) -> None:
        def tended() -> bool:
            site.supervisor.tend()
            assert feeder.error is None, feeder.error
            return condition()

        wait_for(tended, what, seconds)

    measured.start()
    feeder.start()
    wait(lambda: feeder.open.finished >= plan.open, "the first uploads to complete", WARM_SECONDS)
    planned = schedule(plan.seed, plan.faults, plan.seconds, site.not_run)
    began, struck = time.monotonic(), Counter[str]()
    for number, fault in enumerate(planned, 1):
        faults.pause(site, fault.at - (time.monotonic() - began))
        say(f"{number}/{len(planned)} {fault.kind} ({fault.target}, {fault.seconds} s), {feeder.sent:,} uploads")
        faults.inject(site, fault, release)
        measured.expect(fault.kind)
        struck[fault.kind] += 1
    wanted = -(-plan.records // RECORDS_PER_UPLOAD)
    wait(
        lambda: feeder.sent >= wanted and ending.audit(site)["accepted"] >= plan.records,
        f"{plan.records:,} records",
        max(plan.seconds, WARM_SECONDS),
    )
    wait(lambda: not measured.unrecovered(), "recovery from the last fault", WARM_SECONDS)
    feeder.stop()
    return struck


def _shortfalls(plan: ProofPlan, outcomes: Outcomes, measured: Recoveries) -> list[str]:
    """Return in what a proof is smaller than planned."""
    found = [f"no upload was completed after a fault: {kind}" for kind in measured.unrecovered()]
    accepted = outcomes.accounts["accepted"]
    if accepted < plan.records:
        found.append(f"the stages accepted {accepted:,} records, and {plan.records:,} were planned")
    return found
