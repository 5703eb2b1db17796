"""Rule stages follow the rule table while the worker runs."""

from __future__ import annotations

from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.outcome import RecordDisposition
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.routing.rule_table import RuleChange, RuleTable, message
from headrace.streams.stage import Stage
from headrace.streams.worker.health import HealthState
from headrace.streams.worker.rule_reloader import RuleReloader
from headrace.streams.worker.runtime import HostedStage
from tests.support.fake_services import MemoryBucket


async def process(_: ConsumerRecord) -> RecordDisposition:
    return RecordDisposition.DONE


class FakeHost:
    """A `StageHost` that counts starts and stops."""

    def __init__(self) -> None:
        self.started = self.stopped = 0

    async def start(self) -> None:
        self.started += 1

    async def stop(self) -> None:
        self.stopped += 1

    def failure(self) -> BaseException | None:
        return None


class FakeRuntime:
    """A `WorkerRuntime` without Kafka."""

    def __init__(self) -> None:
        self.bucket = MemoryBucket()
        self.hosts: dict[str, FakeHost] = {}
        self.reports: list[tuple[str, str]] = []

    def host(self, stage: Stage) -> HostedStage:
        self.hosts[stage.name] = host = FakeHost()
        scheduler = KeyedScheduler(RecordHandler(process, process, lambda _: 0.0), 1, 1 << 20, 60.0)
        return HostedStage(stage, cast(Any, None), scheduler, host)

    async def report(self, stage: Stage, state: str) -> None:
        self.reports.append((stage.name, state))


class Worker:
    """A worker that follows a rule table."""

    def __init__(self, host_new_rules: bool = True, hosted: tuple[str, ...] = ()) -> None:
        self.rules = RuleTable(lambda _: None, ())
        self.runtime = FakeRuntime()
        for name in hosted:
            self.publish(name)
        self.hosted = [self.runtime.host(stage) for stage in self.rules.stages()]
        self.health = HealthState({each.stage.name: each.scheduler for each in self.hosted}, 0.0)
        runtime = cast(Any, self.runtime)
        self.reloader = RuleReloader(self.rules, host_new_rules, runtime, self.hosted, self.health)

    def publish(self, name: str, reads: str = "media.labelled", target: str = "media.copies") -> None:
        text = f'reads = ["{reads}"]\npattern = {{}}\ntarget = {{ topic = "{target}" }}\n'
        self._change(RuleChange(name, text, "ann", "2026-03-14T00:00:00Z"))

    def remove(self, name: str) -> None:
        self._change(RuleChange(name, None, "ann", "2026-03-14T00:00:00Z"))

    def _change(self, change: RuleChange) -> None:
        revision = self.rules.revision
        self.rules.take(message(change).value or b"")
        assert self.rules.revision > revision

    def names(self) -> list[str]:
        names = sorted(each.stage.name for each in self.hosted)
        assert sorted(self.health.schedulers) == names
        return names


async def test_hosts_a_new_rule() -> None:
    worker = Worker()
    worker.publish("copy")
    with capture_logs() as logs:
        await worker.reloader.reconcile()
    assert worker.names() == ["rule-copy"]
    assert worker.runtime.hosts["rule-copy"].started == 1
    assert worker.runtime.reports == [("rule-copy", "working")]
    assert [line["event"] for line in logs] == ["stage_added"]


async def test_removes_a_deleted_rule() -> None:
    worker = Worker(hosted=("copy", "other"))
    worker.remove("copy")
    with capture_logs() as logs:
        await worker.reloader.reconcile()
    assert worker.names() == ["rule-other"]
    assert worker.runtime.hosts["rule-copy"].stopped == 1
    assert worker.runtime.reports == [("rule-copy", "stopped")]
    assert [line["event"] for line in logs] == ["stage_removed"]


@pytest.mark.parametrize(
    ("change", "restarts"), [({"reads": "media.transcribed"}, True), ({"target": "media.others"}, False)]
)
async def test_restarts_a_stage_only_when_its_topics_change(change: dict[str, str], restarts: bool) -> None:
    worker = Worker(hosted=("copy",))
    before = worker.runtime.hosts["rule-copy"]
    worker.publish("copy", **change)
    await worker.reloader.reconcile()
    assert worker.names() == ["rule-copy"]
    assert before.stopped == restarts
    assert (worker.runtime.hosts["rule-copy"] is not before) == restarts


async def test_worker_with_named_stages_hosts_no_other_rule() -> None:
    worker = Worker(host_new_rules=False, hosted=("copy",))
    worker.publish("other")
    await worker.reloader.reconcile()
    assert worker.names() == ["rule-copy"]


async def test_named_rule_is_hosted_again_when_it_returns() -> None:
    worker = Worker(host_new_rules=False, hosted=("copy",))
    worker.remove("copy")
    await worker.reloader.reconcile()
    assert worker.names() == []
    worker.publish("copy")
    await worker.reloader.reconcile()
    assert worker.names() == ["rule-copy"]


async def test_unchanged_rules_are_not_read_again() -> None:
    worker = Worker(hosted=("copy",))
    await worker.reloader.reconcile()
    worker.hosted.clear()
    worker.health.schedulers.clear()
    await worker.reloader.reconcile()
    assert worker.names() == []
