"""A redrive of a stage of the crash tests: `python -m tests.support.redriving ORDERS RATE`; it may be killed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import msgspec

from headrace.console.replay import journal, redrive, sending
from headrace.console.replay.choice import Rules
from headrace.console.replay.cluster import Cluster
from headrace.console.replay.outcomes import Outcomes
from headrace.console.replay.redrive import Plan
from headrace.console.replay.sending import Pace
from headrace.schemas.settings import KafkaSettings
from headrace.streams.stage import Stage
from tests.support.chaos_worker import Orders, stage_of


def plan(cluster: Cluster, stage: Stage, rules: Rules | None = None) -> Plan:
    """Plan without a look at the store, which is a folder here."""
    return redrive.plan(cluster, stage, rules or Rules(), look=False)


def run(cluster: Cluster, stage: Stage, pace: Pace, rules: Rules | None = None) -> Outcomes:
    """Plan and send."""
    planned = plan(cluster, stage, rules)
    reason = f"at {datetime.now(UTC).isoformat()}"
    action = journal.begin("redrive", (stage.name, planned.group), "every letter", reason, len(planned.going()))
    return sending.execute(cluster, planned, action, pace)


if __name__ == "__main__":
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    here = Cluster(KafkaSettings(bootstrap_servers=orders.bootstrap_servers))
    run(here, stage_of(orders.stage, orders.reads), Pace(float(sys.argv[2]), canary=0))
