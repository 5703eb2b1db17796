"""Reconcile a bucket with the views: plan, then send. Both sides are read once, in bounded memory.

A run that is killed is simply run again: what it has sent is accepted by then, and sending an object twice has the
effect of sending it once, because its event always has the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.backfill import backfill
from headrace.connectors.backfill.backfill import BackfillPlan, RecordSink
from headrace.connectors.backfill.checkpoint import Checkpoint
from headrace.connectors.backfill.filters import ObjectFilters
from headrace.connectors.backfill.listing import BucketPrefix, ListedObject, objects
from headrace.console.reconcile.comparison import ComparisonRules, compare
from headrace.console.reconcile.plan import ObjectSpool, ReconcilePlan, planned
from headrace.console.views.queries import inventory
from headrace.console.views.queries.history import Connect

ListObjects = Callable[[BucketPrefix], Iterable[ListedObject]]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A bucket and prefix, and where its objects and its assets are read."""

    place: BucketPrefix
    list_objects: ListObjects
    connect: Connect

    def plan(self, newest: datetime, spool: ObjectSpool) -> Iterator[ReconcilePlan]:
        """Compare both sides. Yields the plan so far after each key; objects to send go to the spool.

        Objects that were stored after `newest` may be on their way and are left out.

        Raises:
            ListingError: the bucket cannot be listed.
        """
        known = inventory.newest_versions(self.connect, self.place.bucket, self.place.prefix)
        rules = ComparisonRules(newest, partial(inventory.has_version, self.connect))
        return planned(compare(self.list_objects(self.place), known, rules), spool)

    def send(self, spool: ObjectSpool, log: RecordSink, rate: float | None = None) -> Iterator[Checkpoint]:
        """Send the objects of a spool. Yields the number of sent objects after each, within a checkpoint.

        Raises:
            BackfillError: Kafka did not acknowledge a record.
        """
        work = BackfillPlan(self.place, ObjectFilters(), rate)
        return backfill.run(work, spool, Checkpoint(f"reconcile {self.place.address}"), log)


def of_bucket(aws: AwsSession, place: BucketPrefix, connect: Connect) -> Reconciliation:
    """Create the reconciliation of a bucket of S3."""
    return Reconciliation(place, partial(objects, aws), connect)
