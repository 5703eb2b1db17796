"""Add, replace and remove rule stages while the worker runs."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower, each_value
from headrace.streams.engine import metrics
from headrace.streams.routing.rule import PREFIX
from headrace.streams.routing.rule_table import RuleTable, can_reuse_stage
from headrace.streams.stage import Stage
from headrace.streams.worker.health import HealthState
from headrace.streams.worker.runtime import HostedStage, WorkerRuntime


class RuleReloader:
    """Keeps the hosted rule stages equal to the rule table. With `host_new_rules` it also hosts rules that are new."""

    def __init__(
        self,
        rules: RuleTable | None,
        host_new_rules: bool,
        runtime: WorkerRuntime,
        hosted: list[HostedStage],
        health: HealthState,
    ) -> None:
        self._rules = rules
        self._host_new_rules = host_new_rules
        self._runtime = runtime
        self._hosted = hosted
        self._health = health
        self._initial = {each.stage.name for each in hosted}
        self._revision = -1
        self._follower: TopicFollower | None = None

    def follow(self, cluster: KafkaSettings) -> None:
        """Start to follow the rules topic, and log changes from now on. Blocks."""
        if self._rules is not None:
            self._rules.log_changes = True
            self._follower = TopicFollower(cluster, (topics.RULES,), each_value(self._rules.take))
            self._follower.start(0.0)
            self._health.followers = (*self._health.followers, self._follower)

    def stop(self) -> None:
        """Stop following. Blocks."""
        if self._follower is not None:
            self._follower.stop()

    async def reconcile(self) -> None:
        """Host new rules, restart rules whose topics changed, and remove deleted rules."""
        if self._rules is None or self._rules.revision == self._revision:
            return
        revision = self._rules.revision
        rules = {stage.name: stage for stage in self._rules.stages()}
        for each in [each for each in self._hosted if each.stage.name.startswith(PREFIX)]:
            current = rules.get(each.stage.name)
            if current is None or not can_reuse_stage(each.stage, current):
                await self._remove(each)
        restarting = [name for name in self._health.failed_stages if name.startswith(PREFIX)]
        running = {each.stage.name for each in self._hosted}.union(restarting)
        for name, stage in rules.items():
            if name not in running and (self._host_new_rules or name in self._initial):
                await self._host(stage)
        if not restarting:  # they may have changed too: compare again once they run
            self._revision = revision

    async def _remove(self, each: HostedStage) -> None:
        self._hosted.remove(each)
        self._health.schedulers.pop(each.stage.name)
        await each.host.stop()
        await self._runtime.report(each.stage, "stopped")
        metrics.log.info("stage_removed", stage=each.stage.name)

    async def _host(self, stage: Stage) -> None:
        new = self._runtime.host(stage)
        await new.host.start()
        self._hosted.append(new)
        self._health.schedulers[stage.name] = new.scheduler
        await self._runtime.report(stage, "working")
        metrics.log.info("stage_added", stage=stage.name)
