"""Rules that come, change and go while a worker runs."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.streams.engine import circuit_breaker, metrics
from headrace.streams.routing.rule import PREFIX
from headrace.streams.routing.rule_table import RuleTable, can_reuse_stage
from headrace.streams.stage import Stage
from headrace.streams.worker.health import HealthState
from headrace.streams.worker.runtime import HostedStage, WorkerRuntime


class RuleReloader:
    """Keeps the hosted rules those that are in force; one that `grows` hosts also rules that nobody named to it."""

    def __init__(
        self, rules: RuleTable | None, grows: bool, shared: WorkerRuntime, hosted: list[HostedStage], pulse: HealthState
    ) -> None:
        self._rules = rules
        self._grows = grows
        self._shared = shared
        self._hosted = hosted
        self._pulse = pulse
        self._named = {each.stage.name for each in hosted}
        self._seen = -1
        self._follower: TopicFollower | None = None

    def follow(self, cluster: KafkaSettings) -> None:
        """Begin to follow the rules on the log; what changes is logged from here on. Blocks."""
        if self._rules is not None:
            self._rules.log_changes = True
            self._follower = TopicFollower(cluster, (topics.RULES,), self._rules.take)
            self._follower.start()

    def stop(self) -> None:
        """Follow no longer. Blocks."""
        if self._follower is not None:
            self._follower.stop()

    async def reconcile(self) -> None:
        """Host what is new, or reads something else now, and let go of what is no more."""
        if self._rules is None or self._rules.revision == self._seen:
            return
        self._seen = self._rules.revision
        wanted = {stage.name: stage for stage in self._rules.stages()}
        for each in [each for each in self._hosted if each.stage.name.startswith(PREFIX)]:
            now = wanted.get(each.stage.name)
            if now is None or not can_reuse_stage(each.stage, now):
                await self._remove(each)
        there = {each.stage.name for each in self._hosted}
        for name, stage in wanted.items():
            if name not in there and (self._grows or name in self._named):
                await self._host(stage)

    async def _remove(self, each: HostedStage) -> None:
        self._hosted.remove(each)
        self._pulse.schedulers.pop(each.stage.name)
        await each.host.stop()
        await self._shared.report(each.stage, "stopped")
        metrics.log.info("let go", stage=each.stage.name)

    async def _host(self, stage: Stage) -> None:
        if why := await circuit_breaker.load_reason(self._shared.bucket, stage.name):
            metrics.log.error("fuse blown", stage=stage.name, why=why)
            return
        new = self._shared.host(stage)
        await new.host.start()
        self._hosted.append(new)
        self._pulse.schedulers[stage.name] = new.scheduler
        await self._shared.report(stage, "working")
        metrics.log.info("hosted", stage=stage.name)
