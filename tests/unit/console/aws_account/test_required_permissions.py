"""The permissions of the bridge, stages, rules and passed roles, with their resources."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.connectors.sinks.registry import sink_names
from headrace.console.aws_account.required_permissions import RequiredPermission, required_permissions
from headrace.streams import pipeline
from headrace.streams.routing.rule import Rule, read_text
from headrace.streams.stage import Stage
from headrace.streams.stages.summary import summary_stage
from tests.support.stages import get_stages
from tests.unit.console.aws_account.fake_account import ACCOUNT, QUEUE, RESOURCES, TOPIC


def named(name: str) -> Stage:
    return next(stage for stage in pipeline.all_stages() if stage.name == name)


def rule(target: str) -> Rule:
    text = f'reads = ["media.ready"]\n[pattern]\nsource = ["x"]\n[target]\n{target}\n'
    return read_text("r", text, sink_names())


def test_bridge_needs_its_queue() -> None:
    found = required_permissions(RESOURCES, (), ())
    assert {(each.action, each.resource) for each in found} == {
        ("sqs:ReceiveMessage", QUEUE),
        ("sqs:DeleteMessage", QUEUE),
        ("sqs:ChangeMessageVisibility", QUEUE),
        ("sqs:GetQueueAttributes", QUEUE),
    }
    assert {tuple(components) for components in found.values()} == {("bridge",)}


def test_only_who_forgets_people_may_delete_faces_and_their_pictures() -> None:
    found = required_permissions(RESOURCES, [named("face-search")], ())
    deletions = {
        RequiredPermission("rekognition:DeleteFaces", f"arn:aws:rekognition:{RESOURCES.region}:{ACCOUNT}:collection/*"),
        RequiredPermission("s3:DeleteObject", "arn:aws:s3:::results/*"),
    }
    assert {each for each in found if "Delete" in each.action and "sqs" not in each.action} == deletions
    assert {tuple(found[each]) for each in deletions} == {("faces forget",)}
    assert "faces forget" in found[RequiredPermission("s3:ListBucket", "arn:aws:s3:::results")]
    without = required_permissions(RESOURCES, get_stages(["labels"]), ())
    assert not any("faces forget" in components for components in without.values())


def test_stage_needs_media_results_and_its_role() -> None:
    found = required_permissions(RESOURCES, get_stages(["labels"]), ())
    role = RESOURCES.jobs_role
    assert RequiredPermission("s3:GetObject", "arn:aws:s3:::media/*") in found
    assert RequiredPermission("s3:PutObject", "arn:aws:s3:::results/*") in found
    assert RequiredPermission("s3:PutObject", "arn:aws:s3:::media/*") not in found
    assert RequiredPermission("iam:PassRole", role, passed_to="rekognition.amazonaws.com") in found
    assert RequiredPermission("sns:Publish", TOPIC, principal=role) in found


def test_transcode_passes_a_role_that_reads_media_and_writes_results() -> None:
    found = required_permissions(RESOURCES, [named("transcode")], ())
    role = RESOURCES.mediaconvert_role
    assert RequiredPermission("iam:PassRole", role, passed_to="mediaconvert.amazonaws.com") in found
    assert RequiredPermission("s3:GetObject", "arn:aws:s3:::media/*", principal=role) in found
    assert RequiredPermission("s3:PutObject", "arn:aws:s3:::results/*", principal=role) in found
    queue = f"arn:aws:mediaconvert:eu-central-1:{ACCOUNT}:queues/Default"
    assert RequiredPermission("mediaconvert:CreateJob", queue) in found


def test_voice_publishes_its_own_completions() -> None:
    assert RequiredPermission("sns:Publish", TOPIC) in required_permissions(RESOURCES, [named("voice")], ())


def test_media_is_left_out_without_a_media_bucket() -> None:
    found = required_permissions(replace(RESOURCES, media_bucket=""), get_stages(["labels"]), ())
    assert not [each for each in found if ":::media" in each.resource or each.resource.endswith(":::/*")]


@pytest.mark.parametrize(
    ("model", "resource"),
    [
        ("amazon.nova-lite-v1:0", "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"),
        (
            "eu.amazon.nova-lite-v1:0",
            f"arn:aws:bedrock:eu-central-1:{ACCOUNT}:inference-profile/eu.amazon.nova-lite-v1:0",
        ),
        ("arn:aws:bedrock:eu-west-1::foundation-model/m", "arn:aws:bedrock:eu-west-1::foundation-model/m"),
    ],
)
def test_model_is_the_resource_of_its_stage(model: str, resource: str) -> None:
    found = required_permissions(RESOURCES, [summary_stage(model=model)], ())
    assert [each.resource for each in found if each.action == "bedrock:InvokeModel"] == [resource]


@pytest.mark.parametrize(
    ("target", "needed"),
    [
        (f'sns = "{TOPIC}"', ("sns:Publish", TOPIC)),
        (f'sqs = "{QUEUE}"', ("sqs:SendMessage", QUEUE)),
        ('lambda = "resize"', ("lambda:InvokeFunction", f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:resize")),
        ('eventbridge = "bus"', ("events:PutEvents", f"arn:aws:events:eu-central-1:{ACCOUNT}:event-bus/bus")),
    ],
)
def test_rule_needs_its_target(target: str, needed: tuple[str, str]) -> None:
    found = required_permissions(replace(RESOURCES, queue_urls=()), (), [rule(target)])
    assert {(each.action, each.resource): list(names) for each, names in found.items()} == {needed: ["rule r"]}


def test_rule_to_a_topic_of_kafka_needs_nothing() -> None:
    assert required_permissions(replace(RESOURCES, queue_urls=()), (), [rule('topic = "aws.events"')]) == {}
