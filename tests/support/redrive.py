"""A redrive of a crash-test stage, to kill: `python -m tests.support.redrive ORDERS RATE`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import msgspec

from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.replay import journal
from headrace.console.replay.redrive import plan as redrive_plan
from headrace.console.replay.redrive import send
from headrace.console.replay.redrive.outcomes import RedriveOutcomes
from headrace.console.replay.redrive.plan import RedrivePlan
from headrace.console.replay.redrive.selection import SelectionCriteria
from headrace.console.replay.redrive.send import RedriveOptions
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams.stage import Stage
from tests.chaos.support.worker import Orders, stage_of


def plan(cluster: KafkaAdmin, stage: Stage, criteria: SelectionCriteria | None = None) -> RedrivePlan:
    """Plan without the store check: the store is a folder."""
    return redrive_plan.plan_redrive(cluster, stage, criteria or SelectionCriteria(), check_store=False)


def run(
    cluster: KafkaAdmin, stage: Stage, options: RedriveOptions, criteria: SelectionCriteria | None = None
) -> RedriveOutcomes:
    """Plan and send."""
    planned = plan(cluster, stage, criteria)
    reason = f"at {datetime.now(UTC).isoformat()}"
    action = journal.start_entry(
        "redrive", journal.StageGroup(stage.name, planned.group), "all dead letters", reason, len(planned.selected())
    )
    return send.execute(cluster, planned, action, options)


if __name__ == "__main__":
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    here = KafkaAdmin(KafkaSettings(bootstrap_servers=orders.bootstrap_servers))
    run(here, stage_of(orders.stage, orders.reads), RedriveOptions(float(sys.argv[2]), canary=0))
