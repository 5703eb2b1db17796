"""What came of a run of the demo: was each file's end the right one, and how it is shown."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from headrace.console.assets.projection import AssetVersion
from headrace.sandbox.demo.rule_targets import NOTHING, RoutedCounts, wanted
from headrace.sandbox.demo.rule_targets import missing as missing_from
from headrace.sandbox.demo.samples import DONE, SampleFile
from headrace.sandbox.names import MEDIA_BUCKET


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long it took from the start of the command until the cluster answered, the first result came, and all had."""

    ready: float
    first_result: float | None = None
    all: float | None = None


@dataclass(frozen=True, slots=True)
class JobCounts:
    """The AI endpoint's own count: jobs that were asked for, and jobs that there were."""

    started: int
    unique: int

    def since(self, earlier: JobCounts) -> JobCounts:
        """Count only what came after an earlier count."""
        return JobCounts(self.started - earlier.started, self.unique - earlier.unique)


@dataclass(frozen=True, slots=True)
class DemoReport:
    """A run as it ended."""

    samples: tuple[SampleFile, ...]
    versions: Mapping[str, AssetVersion]
    jobs: JobCounts
    seconds: Seconds
    routed: RoutedCounts = NOTHING

    @property
    def usd(self) -> float:
        """What it would have cost on AWS."""
        return round(sum(version.usd for version in self.versions.values()), 6)

    @property
    def wrong(self) -> list[str]:
        """Everything that did not end as it must."""
        lines = [line for sample in self.samples for line in wrong(sample, self.versions.get(sample.name))]
        return [*lines, *(missing_from(self.routed, wanted(self.versions)) if self.seconds.all else ())]


def endings(version: AssetVersion) -> dict[str, str]:
    """Say how each stage has ended, as `Sample.endings` does; those that have not are left out."""
    found = {}
    for stage, fact in version.stages.items():
        if fact.status == "done":
            found[stage] = DONE
        elif fact.letter:
            found[stage] = fact.letter.code
    return found


def missing(sample: SampleFile, version: AssetVersion | None) -> list[str]:
    """Name what is still to come for a file; empty once it has ended."""
    if version is None:
        return ["its upload"]
    stages = [stage for stage in sample.endings if stage not in endings(version)]
    return stages or ([] if version.state == "completed" else ["its completion"])


def wrong(sample: SampleFile, version: AssetVersion | None) -> list[str]:
    """Say what did not end as it must, each in a line."""
    left = missing(sample, version)
    if version is None or left:
        return [f"{sample.name}: {', '.join(left)} missing"]
    found = endings(version)
    stages = [*sample.endings, *(stage for stage in found if stage not in sample.endings)]
    return [
        f"{sample.name}: {stage} is {found[stage]}, and should be {sample.endings.get(stage, 'nothing')}"
        for stage in stages
        if found[stage] != sample.endings.get(stage)
    ]


def ledger(endpoint: str) -> JobCounts:
    """Ask the AI endpoint for its count of jobs."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{endpoint}/ledger?limit=0", timeout=10) as answer:
        found = json.load(answer)
    return JobCounts(found["jobs_started"], found["jobs_unique"])


def as_json(report: DemoReport) -> dict[str, Any]:
    """Give the run as plain data."""
    return {
        "assets": [_asset(sample, report.versions.get(sample.name)) for sample in report.samples],
        "jobs_started": report.jobs.started,
        "jobs_unique": report.jobs.unique,
        "routed": asdict(report.routed),
        "usd": report.usd,
        "seconds": asdict(report.seconds),
        "wrong": report.wrong,
    }


def _asset(sample: SampleFile, version: AssetVersion | None) -> dict[str, Any]:
    stages = version.stages if version else {}
    letters = version.letters if version else ()
    return {
        "bucket": MEDIA_BUCKET,
        "key": sample.name,
        "state": version.state if version else "missing",
        "stages": {stage: fact.status for stage, fact in stages.items()},
        "dead_letters": [{"stage": each.stage, "code": each.code, "reason": each.reason} for each in letters],
    }
