"""Scenarios of EventBridge: entries, rules, rejected patterns, targets, archive and replay."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.fidelity.local_aws import LocalAws, LocalQueue, error_of, unique
from tests.contract.fidelity.recordings import recorded_tests
from tests.contract.fidelity.scenario import Answers, Scenario
from tests.support.conformance_vectors import load_lines

SOURCE = "core.update-account-command"
DETAIL = {"command": "update-account", "payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"}}
PUT = ("events:PutEvents",)


def entry(**members: Any) -> dict[str, Any]:
    """Return an entry of PutEvents; a member that is null is left out."""
    whole = {"Source": SOURCE, "DetailType": SOURCE, "Detail": json.dumps(DETAIL), **members}
    return {name: value for name, value in whole.items() if value is not None}


def put_one(test: str, answer: str = "put-events", **members: Any) -> Scenario:
    """Return a scenario that puts one entry."""

    def run(aws: LocalAws) -> Answers:
        return {answer: aws.client("events").put_events(Entries=[entry(**members)])}

    return Scenario("events", test, PUT, (answer,), run)


def put_rejected(test: str, answer: str, entries: list[dict[str, Any]]) -> Scenario:
    """Return a scenario of a rejected call of PutEvents."""

    def run(aws: LocalAws) -> Answers:
        return {answer: error_of(aws.client("events").put_events, Entries=entries)}

    return Scenario("events", test, PUT, (answer,), run)


def targeted(aws: LocalAws, bus: str, **target: Any) -> LocalQueue:
    """Add a rule with a queue as its target to a bus."""
    events, queue, rule = aws.client("events"), aws.queue(), unique()[:64]
    events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps({"source": [SOURCE]}))
    events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "queue", "Arn": queue.arn, **target}])
    return queue


def bus_of(aws: LocalAws) -> str:
    """Create an event bus."""
    name = unique()
    aws.client("events").create_event_bus(Name=name)
    return name


def delivered(aws: LocalAws, detail: object, **target: Any) -> list[dict[str, Any]]:
    """Put an event and return the message that its target receives."""
    bus = bus_of(aws)
    queue = targeted(aws, bus, **target)
    aws.client("events").put_events(Entries=[entry(EventBusName=bus, Detail=json.dumps(detail))])
    return aws.messages(queue, 1)


def one_message(file: str, test: str, answer: str, **target: Any) -> Scenario:
    """Return a scenario of one event for one target."""
    run: Callable[[LocalAws], Answers] = lambda aws: {answer: delivered(aws, DETAIL, **target)}  # noqa: E731
    return Scenario(file, test, ("EventBridge event to SQS",), (answer,), run)


def rejected_target(test: str, answer: str, target: dict[str, Any]) -> Scenario:
    """Return a scenario of a rejected call of PutTargets."""

    def run(aws: LocalAws) -> Answers:
        events, queue, rule = aws.client("events"), aws.queue(), unique()[:64]
        events.put_rule(Name=rule, EventPattern=json.dumps({"source": [SOURCE]}))
        targets = [{"Id": "queue", "Arn": queue.arn, **target}]
        return {answer: error_of(events.put_targets, Rule=rule, Targets=targets)}

    return Scenario("events_inputs", test, ("events:PutTargets",), (answer,), run)


def replayed(aws: LocalAws) -> Answers:
    """Archive three events, replay them, and return what the target receives the second time."""
    events, bus = aws.client("events"), bus_of(aws)
    arn = events.describe_event_bus(Name=bus)["Arn"]
    queue = targeted(aws, bus)
    archive = events.create_archive(ArchiveName=unique()[:48], EventSourceArn=arn)["ArchiveArn"]
    started = datetime.now(UTC) - timedelta(minutes=1)
    for _ in range(3):
        events.put_events(Entries=[entry(EventBusName=bus)])
    aws.messages(queue, 3)
    replay = events.start_replay(
        ReplayName=unique()[:64],
        EventSourceArn=archive,
        EventStartTime=started,
        EventEndTime=started + timedelta(minutes=2),
        Destination={"Arn": arn},
    )
    return {"start-replay": replay, "replay-messages": aws.messages(queue, 3)}


def unknown_archive_source(aws: LocalAws) -> Answers:
    """Archive the events of a bus that does not exist."""
    arn = f"arn:aws:events:us-east-1:000000000000:event-bus/{unique()}"
    found = error_of(aws.client("events").create_archive, ArchiveName=unique()[:48], EventSourceArn=arn)
    return {"create-archive-unknown-event-bus-error": found}


def refused_patterns() -> list[Scenario]:
    """Return a scenario for each pattern that EventBridge rejects."""

    def test_of(case: dict[str, Any]) -> Scenario:
        def run(aws: LocalAws) -> Answers:
            pattern = json.dumps(case["input"]["pattern"])
            found = error_of(aws.client("events").put_rule, Name=unique()[:64], EventPattern=pattern)
            return {case["id"]: found and {"exception_message": found, "exception_type": case["id"]}}

        operation = ("EventBridge pattern",)
        return Scenario("events_patterns", f"test_event_pattern[{case['id']}]", operation, (case["id"],), run)

    return [test_of(case) for case in load_lines("event-patterns") if case["expect"]["verdict"] == "invalid pattern"]


def refused_json() -> list[Scenario]:
    """Return a scenario for each pattern that is no JSON object."""
    prefix = "test_invalid_json_event_pattern["

    def test_of(test: str) -> Scenario:
        def run(aws: LocalAws) -> Answers:
            call = aws.client("events").put_rule
            return {"invalid-pattern": error_of(call, Name=unique()[:64], EventPattern=test[len(prefix) : -1])}

        return Scenario("events_patterns", test, ("EventBridge pattern",), ("invalid-pattern",), run)

    return [test_of(test) for test in recorded_tests("events_patterns") if test.startswith(prefix)]


def scenarios() -> list[Scenario]:
    """Return the scenarios of EventBridge, without those of input transformers."""
    malformed = {"STRING": "text", "ARRAY": "[1]", "MALFORMED_JSON": '{"a"}', "SERIALIZED_STRING": '"{}"'}
    return [
        put_one("test_put_events_without_source", Source=None),
        put_one("test_put_event_without_detail", Detail=None),
        put_one("test_put_event_without_detail_type", DetailType=None),
        *(put_one(f"test_put_event_malformed_detail[{name}]", Detail=text) for name, text in malformed.items()),
        put_one("test_put_events_with_target_delivery_failure", "put-events-response"),
        put_rejected(
            "test_put_event_with_too_big_detail",
            "put-events-too-big-detail-error",
            [entry(Detail=json.dumps({"payload": "p" * 2**20}))],
        ),
        put_rejected(
            "test_put_events_exceed_limit_ten_entries[default]", "put-events-exceed-limit-error", [entry()] * 11
        ),
        one_message("events_targets", "TestEventsTargetSqs::test_put_events_with_target_sqs", "message"),
        one_message("events_inputs", "test_put_events_with_input_path", "message", InputPath="$.detail"),
        rejected_target(
            "test_put_events_with_input_transformer_missing_keys",
            "missing-key-exception-error",
            {"InputTransformer": {"InputPathsMap": {"known": "$.detail"}, "InputTemplate": '"<notdefinedkey>"'}},
        ),
        rejected_target(
            "test_put_event_input_path_and_input_transformer",
            "duplicated-input-operations-error",
            {
                "InputPath": "$.detail",
                "InputTransformer": {"InputPathsMap": {"all": "$.detail"}, "InputTemplate": '"<all>"'},
            },
        ),
        Scenario(
            "archive_and_replay",
            "test_start_list_describe_canceled_replay[custom]",
            ("EventBridge replay to SQS",),
            ("start-replay", "replay-messages"),
            replayed,
        ),
        Scenario(
            "archive_and_replay",
            "test_create_archive_error_unknown_event_bus",
            ("events:CreateArchive",),
            ("create-archive-unknown-event-bus-error",),
            unknown_archive_source,
        ),
        *refused_patterns(),
        *refused_json(),
    ]
