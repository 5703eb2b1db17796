"""List every permission that the configured components need, with its resource and the components that need it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from headrace.connectors.bridge_sources.iam_policy import QUEUE_ACTIONS
from headrace.connectors.sinks.registry import sink_kind
from headrace.console.aws_account.component_permissions import (
    FIND_OBJECTS,
    FORGET_PEOPLE,
    OBJECT_ACTIONS,
    RESOURCES,
    stage_permissions,
)
from headrace.streams.routing.rule import MACHINE, TOPIC, Rule
from headrace.streams.stage import Stage

_PROFILE = re.compile(r"[a-z-]+\.[a-z0-9-]+\.")
"""The beginning of an inference profile, such as `eu.amazon.nova-lite-v1:0`."""


@dataclass(frozen=True, slots=True, order=True)
class RequiredPermission:
    """An action on a resource ("*": the service has no resource types for it).

    `passed_to` is the service that a passed role is for. `principal` is the ARN of the role that needs the permission;
    empty: the role of the component.
    """

    action: str
    resource: str
    passed_to: str = ""
    principal: str = ""


@dataclass(frozen=True, slots=True)
class AwsResources:
    """The names of an account and of the resources that the settings name. Empty texts are not set."""

    partition: str
    account: str
    region: str
    results_bucket: str
    media_bucket: str = ""
    queue_urls: tuple[str, ...] = ()
    jobs_topic: str = ""
    jobs_role: str = ""
    mediaconvert_role: str = ""

    def bucket(self, name: str) -> str:
        """Return the ARN of a bucket."""
        return f"arn:{self.partition}:s3:::{name}"

    def queue(self, url: str) -> str:
        """Return the ARN of a queue. Its URL names the account, and at AWS the region."""
        parts = urlsplit(url)
        account, name = parts.path.strip("/").split("/")[:2]
        host = (parts.hostname or "").split(".")
        region = host[1] if host[0] == "sqs" and len(host) > 2 else self.region
        return f"arn:{self.partition}:sqs:{region}:{account}:{name}"


Required = Mapping[RequiredPermission, Sequence[str]]
"""The components that need each permission."""

FORGET = "faces forget"
"""The command of an operator that needs permissions if a stage stores faces."""


def required_permissions(
    resources: AwsResources,
    stages: Iterable[Stage],
    rules: Iterable[Rule],
    machines: Mapping[str, Iterable[RequiredPermission]] | None = None,
) -> Required:
    """Return the permissions of the bridge, the enabled stages, the rules, and the roles that they pass on.

    `machines` are further components with their permissions. A stage that needs consent stores faces: the operator who
    forgets them needs permissions too.
    """
    found: dict[RequiredPermission, list[str]] = {}
    stages = tuple(stages)
    components: dict[str, Iterable[RequiredPermission]] = {"bridge": _of_bridge(resources), **(machines or {})}
    components |= {stage.name: _of_stage(resources, stage) for stage in stages if not stage.name.startswith("rule-")}
    components |= {f"rule {rule.name}": _of_rule(resources, rule) for rule in rules if rule.enabled}
    if any(stage.needs_consent for stage in stages):
        components[FORGET] = _of_forget(resources)
    for component, permissions in components.items():
        for each in dict.fromkeys(permissions):
            found.setdefault(each, []).append(component)
    return dict(sorted(found.items()))


def _of_bridge(resources: AwsResources) -> Iterator[RequiredPermission]:
    for url in resources.queue_urls:
        yield from (RequiredPermission(action, resources.queue(url)) for action in QUEUE_ACTIONS)


def _of_stage(resources: AwsResources, stage: Stage) -> Iterator[RequiredPermission]:
    wanted = stage_permissions((stage,))
    if wanted.reads_media and resources.media_bucket:
        yield from _on_bucket(resources.bucket(resources.media_bucket), "read_media")
    yield from _on_bucket(resources.bucket(resources.results_bucket), "store_results")
    for action in wanted.actions:
        yield from (RequiredPermission(action, arn) for arn in _resources_of(action, resources, stage))
    if "polly:StartSpeechSynthesisTask" in wanted.actions and resources.jobs_topic:
        yield RequiredPermission("sns:Publish", resources.jobs_topic)
    if wanted.passes:
        yield from _of_passed_role(resources, wanted.passes)


def _of_forget(resources: AwsResources) -> Iterator[RequiredPermission]:
    yield from _on_bucket(resources.bucket(resources.results_bucket), "forget_people")
    names = {"partition": resources.partition, "region": resources.region, "account": resources.account}
    yield from (RequiredPermission(each, RESOURCES[each].format(**names)) for each in FORGET_PEOPLE)


def _on_bucket(bucket: str, use: str, principal: str = "") -> Iterator[RequiredPermission]:
    if not principal:
        yield RequiredPermission(FIND_OBJECTS, bucket)
    yield from (RequiredPermission(each, f"{bucket}/*", principal=principal) for each in OBJECT_ACTIONS[use])


def _of_passed_role(resources: AwsResources, service: str) -> Iterator[RequiredPermission]:
    """Yield the right to pass the role, and what the service needs to do with it."""
    role = resources.mediaconvert_role if service == "mediaconvert" else resources.jobs_role
    if not role:
        return
    yield RequiredPermission("iam:PassRole", role, passed_to=f"{service}.amazonaws.com")
    if service == "mediaconvert":
        if resources.media_bucket:
            yield from _on_bucket(resources.bucket(resources.media_bucket), "convert_media", role)
        yield from _on_bucket(resources.bucket(resources.results_bucket), "convert_results", role)
    elif resources.jobs_topic:
        yield RequiredPermission("sns:Publish", resources.jobs_topic, principal=role)


def _resources_of(action: str, resources: AwsResources, stage: Stage) -> list[str]:
    pattern = RESOURCES.get(action, "*")
    names = {"partition": resources.partition, "region": resources.region, "account": resources.account}
    if "{model}" not in pattern:
        return [pattern.format(**names)]
    return [_model_arn(model, pattern, names) for model in stage.models]


def _model_arn(model: str, pattern: str, names: Mapping[str, str]) -> str:
    if model.startswith("arn:"):
        return model
    if _PROFILE.match(model) and model.count(".") > 1:
        return "arn:{partition}:bedrock:{region}:{account}:inference-profile/{model}".format(**names, model=model)
    return pattern.format(**names, model=model)


def _of_rule(resources: AwsResources, rule: Rule) -> Iterator[RequiredPermission]:
    kind = rule.target.kind
    if kind in (TOPIC, MACHINE) or not (action := sink_kind(kind).action):
        return
    yield RequiredPermission(action, _target_arn(kind, rule.target.address, resources))


def _target_arn(kind: str, address: str, resources: AwsResources) -> str:
    """Return the ARN of a target, which a rule may name without account and region."""
    if address.startswith("arn:"):
        return address
    place = f"{resources.partition}:{'events' if kind == 'eventbridge' else kind}:{resources.region}"
    noun = "event-bus/" if kind == "eventbridge" else "function:"
    return f"arn:{place}:{resources.account}:{noun}{address}"
