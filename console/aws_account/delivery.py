"""Check the way of events to the bridge: bucket notifications, topics, rules, and the policies of the queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.connectors.bridge_sources.check import notification_filters
from headrace.connectors.bridge_sources.resource_policy import allows
from headrace.console.aws_account.account_reader import AccountReader
from headrace.console.aws_account.queues import QueueReader
from headrace.console.aws_account.required_permissions import AwsResources
from headrace.console.check_runner import Skipped
from headrace.console.errors import CommandError
from headrace.schemas.parsing import InvalidValueError, parse_json

CREATED, REMOVED = "s3:ObjectCreated:", "s3:ObjectRemoved:"


@dataclass(frozen=True, slots=True)
class EventRoute:
    """One way of a bucket's events to a queue. `principal` and `source` are the sender and its resource."""

    text: str
    queue: str
    principal: str
    source: str
    events: tuple[str, ...]


class DeliveryChecks:
    """The checks of bucket notifications and job completions. Only the queues of the settings count."""

    def __init__(self, reader: AccountReader, resources: AwsResources, queues: QueueReader) -> None:
        self._reader = reader
        self._resources = resources
        self._queues = queues

    def notification(self) -> str:
        """Check that the events of the media bucket reach a queue, and that its policy admits the sender."""
        bucket = self._resources.media_bucket
        if not bucket:
            raise Skipped("HEADRACE_MEDIA_BUCKET is not set")
        configured = self._reader.read("s3", "get_bucket_notification_configuration", Bucket=bucket)
        routes = list(self._routes(configured))
        if not any(event.startswith(CREATED) for route in routes for event in route.events):
            raise CommandError(f"no notification of {bucket} for {CREATED}* reaches a queue of HEADRACE_QUEUE_URLS")
        self._check_senders(routes)
        texts = [route.text for route in routes]
        if not any(event.startswith(REMOVED) for route in routes for event in route.events):
            texts.append("deletions are not notified")
        if len(routes) > 1:
            texts.append("objects that match more than one way arrive more than once, and are processed once")
        return "; ".join(texts)

    def completions(self) -> str:
        """Check that a queue is subscribed to the topic of job completions, and that its policy admits SNS."""
        topic = self._resources.jobs_topic
        if not topic:
            raise CommandError(
                "HEADRACE_JOBS_TOPIC_ARN is not set: jobs of Rekognition, Textract and Polly do not complete"
            )
        routes = [
            EventRoute(f"{name} -> {_name(queue)}", queue, "sns.amazonaws.com", topic, ())
            for queue, name in self._subscribed(topic)
        ]
        if not routes:
            raise CommandError(f"{topic} has no subscription of a queue of HEADRACE_QUEUE_URLS")
        self._check_senders(routes)
        return ", ".join(route.text for route in routes)

    def job_events(self, sources: Sequence[str]) -> str:
        """Check that rules on the default event bus send the events of services to a queue."""
        missing, found = set(sources), []
        for queue, name, pattern in self._rules():
            carried = missing.intersection(_patterns(pattern, "source"))
            if carried:
                found.append(self._of_rule(name, queue, ()))
            missing -= carried
        if missing:
            raise CommandError(f"no enabled rule sends the events of {', '.join(sorted(missing))} to a queue")
        self._check_senders(found)
        return ", ".join(route.text for route in found)

    def _routes(self, configured: dict[str, Any]) -> Iterator[EventRoute]:
        bucket = self._resources.bucket(self._resources.media_bucket)
        for each in configured.get("QueueConfigurations", ()):
            if each["QueueArn"] in self._queues.arns:
                text = f"{_name(each['QueueArn'])}{_filtered(each)}"
                yield EventRoute(text, each["QueueArn"], "s3.amazonaws.com", bucket, tuple(each["Events"]))
        for each in configured.get("TopicConfigurations", ()):
            for queue, name in self._subscribed(each["TopicArn"]):
                text = f"topic {name} -> {_name(queue)}{_filtered(each)}"
                yield EventRoute(text, queue, "sns.amazonaws.com", each["TopicArn"], tuple(each["Events"]))
        if "EventBridgeConfiguration" in configured:
            yield from self._eventbridge_routes()

    def _eventbridge_routes(self) -> Iterator[EventRoute]:
        events = {"Object Created": f"{CREATED}*", "Object Deleted": f"{REMOVED}*"}
        for queue, name, pattern in self._rules():
            if "aws.s3" in _patterns(pattern, "source"):
                types = _patterns(pattern, "detail-type") or tuple(events)
                carried = tuple(event for kind, event in events.items() if kind in types)
                yield self._of_rule(name, queue, carried)

    def _subscribed(self, topic: str) -> Iterator[tuple[str, str]]:
        region = topic.split(":")[3]
        for page in self._reader.pages(
            "sns", "list_subscriptions_by_topic", "NextToken", region=region, TopicArn=topic
        ):
            for each in page.get("Subscriptions", ()):
                if each["Protocol"] == "sqs" and each["Endpoint"] in self._queues.arns:
                    yield each["Endpoint"], _name(topic)

    def _rules(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield queue, name and pattern of each enabled rule that sends to a queue."""
        for queue in self._queues.arns:
            for page in self._reader.pages("events", "list_rule_names_by_target", "NextToken", TargetArn=queue):
                for name in page.get("RuleNames", ()):
                    rule = self._reader.read("events", "describe_rule", Name=name)
                    if rule.get("State") != "DISABLED" and "EventPattern" in rule:
                        yield queue, name, _parsed(rule["EventPattern"])

    def _of_rule(self, name: str, queue: str, events: tuple[str, ...]) -> EventRoute:
        source = f"arn:{self._resources.partition}:events:{self._reader.region}:{self._resources.account}:rule/{name}"
        return EventRoute(f"EventBridge rule {name} -> {_name(queue)}", queue, "events.amazonaws.com", source, events)

    def _check_senders(self, routes: Sequence[EventRoute]) -> None:
        """Raise `CommandError` for a route whose queue does not admit the sender."""
        for route in routes:
            policy = _parsed(self._queues.attributes(route.queue).get("Policy", "{}"))
            if not allows(policy, route.principal, "sqs:SendMessage", route.source, self._resources.account):
                raise CommandError(
                    f"the policy of {route.queue} does not allow {route.principal} to send for {route.source}"
                )


def _filtered(configured: dict[str, Any]) -> str:
    filters = notification_filters(configured)
    return f" (only {', '.join(f'{name} {value}' for name, value in filters.items())})" if filters else ""


def _patterns(pattern: dict[str, Any], name: str) -> tuple[str, ...]:
    values = pattern.get(name, ())
    return tuple(each for each in values if isinstance(each, str)) if isinstance(values, list) else ()


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = parse_json(text)
    except InvalidValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _name(arn: str) -> str:
    return arn.rpartition(":")[2]
