"""A redrive of a stage of the crash tests: `python -m tests.support.redrive ORDERS RATE`; it may be killed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import msgspec

from headrace.console.kafka.admin import Cluster
from headrace.console.replay import journal
from headrace.console.replay.redrive import plan as redrive_plan
from headrace.console.replay.redrive import send
from headrace.console.replay.redrive.outcomes import Outcomes
from headrace.console.replay.redrive.plan import Plan
from headrace.console.replay.redrive.selection import Rules
from headrace.console.replay.redrive.send import Pace
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams.stage import Stage
from tests.chaos.support.worker import Orders, stage_of


def plan(cluster: Cluster, stage: Stage, rules: Rules | None = None) -> Plan:
    """Plan without a look at the store, which is a folder here."""
    return redrive_plan.plan(cluster, stage, rules or Rules(), look=False)


def run(cluster: Cluster, stage: Stage, pace: Pace, rules: Rules | None = None) -> Outcomes:
    """Plan and send."""
    planned = plan(cluster, stage, rules)
    reason = f"at {datetime.now(UTC).isoformat()}"
    action = journal.begin("redrive", (stage.name, planned.group), "every letter", reason, len(planned.going()))
    return send.execute(cluster, planned, action, pace)


if __name__ == "__main__":
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    here = Cluster(KafkaSettings(bootstrap_servers=orders.bootstrap_servers))
    run(here, stage_of(orders.stage, orders.reads), Pace(float(sys.argv[2]), canary=0))
