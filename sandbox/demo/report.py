"""The result of a demo run, and its comparison with the expected outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from headrace.console.assets.projection import AssetVersion
from headrace.console.search.request import AssetMatch
from headrace.sandbox.access.control import call_control
from headrace.sandbox.demo.rule_targets import NOTHING, RoutedCounts, expected
from headrace.sandbox.demo.rule_targets import missing as missing_from
from headrace.sandbox.demo.samples import DONE, SampleFile
from headrace.sandbox.demo.spoken_word import FILE, WORD
from headrace.sandbox.names import MEDIA_BUCKET


@dataclass(frozen=True, slots=True)
class Seconds:
    """Seconds from the start of the command until the cluster was ready, the first result, and all results."""

    ready: float
    first_result: float | None = None
    all: float | None = None


@dataclass(frozen=True, slots=True)
class JobCounts:
    """The AI endpoint's job counts: start requests and distinct jobs."""

    started: int
    unique: int

    def since(self, earlier: JobCounts) -> JobCounts:
        """Return the difference to an earlier count."""
        return JobCounts(self.started - earlier.started, self.unique - earlier.unique)


@dataclass(frozen=True, slots=True)
class DemoReport:
    """The result of a run."""

    samples: tuple[SampleFile, ...]
    versions: Mapping[str, AssetVersion]
    jobs: JobCounts
    seconds: Seconds
    routed: RoutedCounts = NOTHING
    spoken: AssetMatch | None = None
    """Where the word of `spoken_word` is spoken; None if the search did not find it."""

    @property
    def usd(self) -> float:
        """The cost of the run at AWS list prices."""
        return round(sum(version.usd for version in self.versions.values()), 6)

    @property
    def wrong(self) -> list[str]:
        """The deviations from the expected outcomes."""
        lines = [line for sample in self.samples for line in wrong(sample, self.versions.get(sample.name))]
        if self.seconds.all:
            lines += missing_from(self.routed, expected(self.versions))
            lines += [] if self.spoken else [f"headrace search {WORD} does not find {FILE}"]
        return lines


def endings(version: AssetVersion) -> dict[str, str]:
    """Return the outcome of each finished stage, in the form of `SampleFile.endings`."""
    outcomes = {}
    for stage, fact in version.stages.items():
        if fact.status == "done":
            outcomes[stage] = DONE
        elif fact.letter:
            outcomes[stage] = fact.letter.code
    return outcomes


def missing(sample: SampleFile, version: AssetVersion | None) -> list[str]:
    """Return what is missing for a file; empty when it is finished."""
    if version is None:
        return ["its upload"]
    stages = [stage for stage in sample.endings if stage not in endings(version)]
    return stages or ([] if version.state == "completed" else ["its completion"])


def wrong(sample: SampleFile, version: AssetVersion | None) -> list[str]:
    """Return a line for each deviation from the expected outcomes."""
    absent = missing(sample, version)
    if version is None or absent:
        return [f"{sample.name}: {', '.join(absent)} missing"]
    outcomes = endings(version)
    stages = [*sample.endings, *(stage for stage in outcomes if stage not in sample.endings)]
    return [
        f"{sample.name}: {stage} is {outcomes[stage]}, expected {sample.endings.get(stage, 'nothing')}"
        for stage in stages
        if outcomes[stage] != sample.endings.get(stage)
    ]


def ledger(endpoint: str) -> JobCounts:
    """Fetch the job counts from the AI endpoint."""
    counts = call_control(f"{endpoint}/ledger?limit=0")
    return JobCounts(counts["jobs_started"], counts["jobs_unique"])


def as_json(report: DemoReport) -> dict[str, Any]:
    """Return the run as JSON data."""
    return {
        "assets": [_asset(sample, report.versions.get(sample.name)) for sample in report.samples],
        "jobs_started": report.jobs.started,
        "jobs_unique": report.jobs.unique,
        "routed": asdict(report.routed),
        "usd": report.usd,
        "seconds": asdict(report.seconds),
        "search": asdict(report.spoken) if report.spoken else None,
        "wrong": report.wrong,
    }


def _asset(sample: SampleFile, version: AssetVersion | None) -> dict[str, Any]:
    stages = version.stages if version else {}
    dead_letters = version.letters if version else ()
    return {
        "bucket": MEDIA_BUCKET,
        "key": sample.name,
        "state": version.state if version else "missing",
        "stages": {stage: fact.status for stage, fact in stages.items()},
        "dead_letters": [{"stage": each.stage, "code": each.code, "reason": each.reason} for each in dead_letters],
    }
