"""Count the deliveries of the demo's rules: to SNS and SQS by queue length, to HTTP by the inbox."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass

from headrace.connectors.aws.client import AwsSession
from headrace.console import aws
from headrace.console.assets.projection import AssetVersion
from headrace.console.assets.summaries import NO_WORDS
from headrace.sandbox import names
from headrace.sandbox.access.control import call_control
from headrace.sandbox.demo import rules
from headrace.schemas.records import MediaTranscribed

TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class RoutedCounts:
    """The number of deliveries to each kind of target."""

    sns: int = 0
    sqs: int = 0
    http: int = 0

    def since(self, earlier: RoutedCounts) -> RoutedCounts:
        """Return the difference to an earlier count."""
        return RoutedCounts(self.sns - earlier.sns, self.sqs - earlier.sqs, self.http - earlier.http)

    def reaches(self, other: RoutedCounts) -> bool:
        """Return whether every count is at minimum the other's."""
        return all(count >= other_count for count, other_count in zip(astuple(self), astuple(other), strict=True))


NOTHING = RoutedCounts()


@dataclass(frozen=True, slots=True)
class RuleTargets:
    """Where the rules deliver: queues of the local AWS at `port`, and the inbox of the AI endpoint's URL."""

    port: int
    endpoint: str
    aws: AwsSession


def counted(targets: RuleTargets) -> RoutedCounts:
    """Return the current counts."""
    queues = (names.ROUTED_BY_SNS, names.ROUTED)
    by_sns, by_sqs = (aws.check_queue(targets.aws, names.queue_url(targets.port, name)) for name in queues)
    return RoutedCounts(by_sns, by_sqs, len(call_control(f"{targets.endpoint}/inbox")))


def expected(versions: Mapping[str, AssetVersion]) -> RoutedCounts:
    """Return the minimum number of deliveries for these versions."""
    stages = [fact for version in versions.values() for fact in version.stages.values()]
    return RoutedCounts(
        sns=len(versions),
        sqs=sum(fact.letter is not None and fact.stage in rules.WATCHED for fact in stages),
        http=sum(fact.name == MediaTranscribed.EVENT and fact.summary != NO_WORDS for fact in stages),
    )


def arrived(before: RoutedCounts, minimum: RoutedCounts, targets: RuleTargets) -> RoutedCounts:
    """Wait for the expected deliveries or the timeout, and return the deliveries since `before`."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        counts = counted(targets).since(before)
        if counts.reaches(minimum) or time.monotonic() > deadline:
            return counts
        time.sleep(POLL_SECONDS)


def missing(counts: RoutedCounts, minimum: RoutedCounts) -> Collection[str]:
    """Return a line for missing deliveries."""
    return () if counts.reaches(minimum) else (f"rules sent {counts}, expected {minimum}",)
