"""What the rules of a sandbox have sent: to SNS and SQS, by the queues that it ends in, to HTTP, by its inbox."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass

from headrace.console import aws
from headrace.console.assets.projection import AssetVersion
from headrace.sandbox import names
from headrace.sandbox.demo import rules
from headrace.schemas.records import MediaTranscribed

PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class RoutedCounts:
    """How many events were sent to each kind of target."""

    sns: int = 0
    sqs: int = 0
    http: int = 0

    def since(self, earlier: RoutedCounts) -> RoutedCounts:
        """Count only what came after an earlier count."""
        return RoutedCounts(self.sns - earlier.sns, self.sqs - earlier.sqs, self.http - earlier.http)

    def reaches(self, other: RoutedCounts) -> bool:
        """Whether no count is below another's."""
        return all(mine >= theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True))


NOTHING = RoutedCounts()


def counted(port: int, endpoint: str) -> RoutedCounts:
    """Count what lies there now; `port` is the local AWS's, `endpoint` the AI endpoint's address."""
    queues = (names.ROUTED_BY_SNS, names.ROUTED)
    by_sns, by_sqs = (aws.check_queue(names.queue_url(port, name)) for name in queues)
    with urllib.request.urlopen(f"{endpoint}/inbox", timeout=10) as answer:
        return RoutedCounts(by_sns, by_sqs, len(json.load(answer)))


def wanted(versions: Mapping[str, AssetVersion]) -> RoutedCounts:
    """Say what the rules of the demo must have sent of these versions at least."""
    stages = [fact for version in versions.values() for fact in version.stages.values()]
    return RoutedCounts(
        sns=len(versions),
        sqs=sum(fact.letter is not None and fact.stage in rules.WATCHED for fact in stages),
        http=sum(isinstance(fact.event, MediaTranscribed) and fact.event.words > 0 for fact in stages),
    )


def arrived(before: RoutedCounts, least: RoutedCounts, place: tuple[int, str]) -> RoutedCounts:
    """Wait until as much has come as must, or for as long as is decent, and say how much has."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = counted(*place).since(before)
        if found.reaches(least) or time.monotonic() > deadline:
            return found
        time.sleep(LOOK_SECONDS)


def missing(found: RoutedCounts, least: RoutedCounts) -> Collection[str]:
    """Say what has not come."""
    return () if found.reaches(least) else (f"rules sent {found} and not {least}",)
