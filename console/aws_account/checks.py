"""All checks of `headrace doctor --aws`, from the settings and the enabled stages. They only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.console import aws as console_aws
from headrace.console.aws_account.account_reader import AccountReader
from headrace.console.aws_account.delivery import DeliveryChecks
from headrace.console.aws_account.dry_calls import TrialNames
from headrace.console.aws_account.identity import MAX_SKEW_SECONDS, CallerIdentity, caller_identity, describe_skew
from headrace.console.aws_account.machine_permissions import MachineNeeds, machine_needs
from headrace.console.aws_account.permission_checks import PermissionChecks, PermissionScope
from headrace.console.aws_account.queues import QueueReader
from headrace.console.aws_account.quotas import quota_checks
from headrace.console.aws_account.regions import region_checks
from headrace.console.aws_account.required_permissions import AwsResources, required_permissions
from headrace.console.check_runner import CheckResult, DoctorCheck, Skipped, run_checks
from headrace.console.errors import CommandError
from headrace.console.settings import ConsoleSettings
from headrace.schemas.jobs import DATA_AUTOMATION
from headrace.schemas.settings import load
from headrace.streams.routing.rule import Rule
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage

EVENT_SOURCES = {"transcribe": "aws.transcribe", "mediaconvert": "aws.mediaconvert", DATA_AUTOMATION: "aws.bedrock"}
"""The source of the events of each service whose completions arrive through EventBridge."""
TOPIC_SERVICES = ("rekognition", "textract", "polly")


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """What to check: the enabled stages and rules, and definitions of state machines by name.

    `components` restricts permissions, `role` is checked instead.
    """

    stages: Sequence[Stage]
    rules: Sequence[Rule]
    components: Sequence[str] = ()
    role: str = ""
    machines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def run_account_checks(
    aws: AwsSession, plan: AccountPlan, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[CheckResult]:
    """Check the identity, then everything that needs it, and yield each result."""
    found: list[CallerIdentity] = []

    def identify() -> str:
        found.append(caller_identity(aws, now))
        warning = " (create a role: no policy limits the root user)" if found[0].is_root else ""
        return f"{found[0].arn}{warning}"

    identity = DoctorCheck(
        "identity", identify, "set AWS_PROFILE, or the access key; then: aws sts get-caller-identity"
    )
    yield from run_checks([identity])
    if found:
        yield from run_checks(_checks(aws, plan, found[0]))


def _checks(aws: AwsSession, plan: AccountPlan, identity: CallerIdentity) -> Iterator[DoctorCheck]:
    settings = load(StreamSettings)
    resources = _resources(aws, identity, settings)
    reader = AccountReader(aws, resources.region)
    yield DoctorCheck("clock", partial(_clock, identity), "synchronise the clock, for example with chrony")
    yield from region_checks(reader, resources, ("s3", "sqs", "sns", "events", *_services(plan.stages)))
    machines = {f"machine {name}": machine_needs(each, resources) for name, each in plan.machines.items()}
    needs = {name: each.permissions for name, each in machines.items()}
    required = required_permissions(resources, plan.stages, plan.rules, needs)
    if plan.components:
        required = {
            each: kept
            for each, components in required.items()
            if (kept := [name for name in components if name in plan.components])
        }
    names = TrialNames(resources.media_bucket, resources.jobs_topic, resources.jobs_role)
    yield from PermissionChecks(aws, required, PermissionScope(identity, names, resources.region, plan.role)).checks()
    for name, each in machines.items():
        if not plan.components or name in plan.components:
            yield from _machine(name, each, settings)
    yield from quota_checks(reader, plan.stages, settings)
    yield from _delivery(reader, resources, plan.stages)


def _machine(name: str, needs: MachineNeeds, settings: StreamSettings) -> Iterator[DoctorCheck]:
    """Yield the checks of a machine that no policy answers."""
    missing = needs.not_allowed(settings.task_actions)
    add = f"add {','.join(missing)} to HEADRACE_MACHINE_ACTIONS of the workers that run machine-tasks"
    yield DoctorCheck(name, partial(_allow_list, needs, missing), add)
    for action in needs.unknown:
        yield DoctorCheck(action, partial(_unknown_resource, name), "")


def _allow_list(needs: MachineNeeds, missing: Sequence[str]) -> str:
    if missing:
        raise CommandError(f"HEADRACE_MACHINE_ACTIONS does not allow {', '.join(missing)}")
    if not needs.calls:
        return "its tasks call no action of AWS"
    return f"HEADRACE_MACHINE_ACTIONS allows {', '.join(needs.calls)}"


def _unknown_resource(name: str) -> str:
    raise Skipped(f"not checked: only an execution knows the resource; needed by {name}")


def _delivery(reader: AccountReader, resources: AwsResources, stages: Sequence[Stage]) -> Iterator[DoctorCheck]:
    queues = QueueReader(reader, resources)
    if not queues.arns:
        yield DoctorCheck("queue", _no_queue, "set HEADRACE_QUEUE_URLS")
        return
    apply = "correct it, or apply deploy/terraform"
    for arn in queues.arns:
        yield DoctorCheck(f"queue {arn.rpartition(':')[2]}", partial(queues.check, arn), apply)
    delivery = DeliveryChecks(reader, resources, queues)
    policies = "headrace bridge policy prints queue policies, and headrace bridge check FILE checks every source"
    yield DoctorCheck("bucket notification", delivery.notification, policies)
    services = {stage.job.service for stage in stages if stage.job}
    if services.intersection(TOPIC_SERVICES):
        yield DoctorCheck("job topic", delivery.completions, policies)
    sources = [source for service, source in EVENT_SOURCES.items() if service in services]
    if sources:
        yield DoctorCheck("job events", partial(delivery.job_events, sources), policies)


def _resources(aws: AwsSession, identity: CallerIdentity, settings: StreamSettings) -> AwsResources:
    return AwsResources(
        partition=identity.partition,
        account=identity.account,
        region=console_aws.region(aws),
        results_bucket=settings.results_bucket,
        media_bucket=load(ConsoleSettings).media_bucket,
        queue_urls=load(BridgeSettings).queue_urls,
        jobs_topic=settings.jobs_topic_arn,
        jobs_role=settings.jobs_role_arn,
        mediaconvert_role=settings.mediaconvert_role_arn,
    )


def _services(stages: Sequence[Stage]) -> set[str]:
    return {call.partition(".")[0] for stage in stages for call in stage.paid_operations}


def _clock(identity: CallerIdentity) -> str:
    skew = identity.skew_seconds
    if skew is None:
        raise Skipped("the response has no Date header")
    if abs(skew) > MAX_SKEW_SECONDS:
        raise CommandError(f"{describe_skew(skew)}; AWS rejects more than {MAX_SKEW_SECONDS} s")
    return describe_skew(skew)


def _no_queue() -> str:
    raise CommandError("no queue is configured: no event reaches Kafka")
