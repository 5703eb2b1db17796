"""Tests of the endpoint of Bedrock Data Automation with boto3, the local AWS and the adapter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from headrace.connectors.events.parser import parse_message
from headrace.connectors.events.results import Parsed
from headrace.schemas.jobs import DATA_AUTOMATION
from headrace.schemas.records import JobFinished
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.data_automation import DataAutomation
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.errors import PermanentError, RetryAt
from headrace.streams.insights import ExtractedInsights, InsightProject
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.media.media_input import MediaInput
from headrace.streams.settings import StreamSettings
from tests.contract.ai import BUCKET, Aws, connect, wait_until
from tests.support.prices import PRICES
from tests.support.records import NOW

pytestmark = pytest.mark.system

PROFILE = "arn:aws:bedrock:us-east-1:000000000000:data-automation-profile/us.data-automation-v1"
PROJECT = "arn:aws:bedrock:us-east-1:000000000000:data-automation-project/mine"
FILES = {
    "bottles.jpg": MediaInput(BUCKET, "bottles.jpg", "image/jpeg", 1, width=640, height=360),
    "rabbit.mp4": MediaInput(BUCKET, "rabbit.mp4", "video/mp4", 1, width=640, height=360, video_codec="h264"),
    "jfk.flac": MediaInput(BUCKET, "jfk.flac", "audio/flac", 1, seconds=11.0),
}


@pytest.fixture
def automation(ai_url: str) -> Any:
    return connect(DATA_AUTOMATION, ai_url)


@pytest.fixture
def events(aws: Aws) -> Aws:
    """Send the ends of jobs to the queue of the test."""
    pattern = {"source": ["aws.bedrock"]}
    aws.events.put_rule(Name=aws.rule, EventPattern=json.dumps(pattern))
    return aws


@pytest.fixture
def adapter(aws_url: str, ai_url: str, automation: Any, events: Aws) -> Iterator[DataAutomation]:
    calls = AwsClient(2, RateLimits({}, {}))
    calls._clients |= {DATA_AUTOMATION: automation, "s3": connect("s3", aws_url)}
    yield DataAutomation(calls, S3Bucket(calls, BUCKET), StreamSettings(results_bucket=BUCKET), PRICES)
    calls.close()


def new_token() -> str:
    return f"data-automation-{uuid4().hex}00000000"


def request(**changes: Any) -> dict[str, Any]:
    return {
        "clientToken": new_token(),
        "inputConfiguration": {"s3Uri": f"s3://{BUCKET}/bottles.jpg"},
        "outputConfiguration": {"s3Uri": f"s3://{BUCKET}/out"},
        "dataAutomationProfileArn": PROFILE,
        **changes,
    }


async def extract(adapter: DataAutomation, aws: Aws, name: str, project: str = PROJECT) -> ExtractedInsights:
    """Run a job, and return its result once its completion event has arrived."""
    token = new_token()
    invocation = await adapter.start(FILES[name], token, InsightProject(project, PROFILE))
    (message,) = aws.received()
    parsed = parse_message(json.dumps(message), NOW)
    assert isinstance(parsed, Parsed)
    finished = parsed.events[0][0]
    assert isinstance(finished, JobFinished)
    assert (finished.token, finished.job_id, finished.status) == (token, invocation, "succeeded")
    return await adapter.get_result(invocation, 9.0)


async def test_adapter_reads_the_output_of_each_kind_of_file(adapter: DataAutomation, events: Aws) -> None:
    image = await extract(adapter, events, "bottles.jpg")
    video = await extract(adapter, events, "rabbit.mp4")
    sound = await extract(adapter, events, "jfk.flac")

    assert [each.insights.modality for each in (image, video, sound)] == ["image", "video", "audio"]
    assert image.insights.summary.startswith("[measured, no model was run] A picture of 640 x ")
    assert video.insights.parts[0].start == 0.0
    assert sound.insights.speech[0].start == pytest.approx(0.326)
    assert sound.insights.text.startswith("Synthetic words")
    for found in (image, video, sound):
        assert json.loads(found.answer)[0]["metadata"]["synthetic"] is True
        assert found.charges[0].usd > 0
    again = await extract(adapter, events, "bottles.jpg")
    assert again.answer == image.answer, "the answer depends on the content only"


async def test_default_project_finds_no_unsafe_content(adapter: DataAutomation, events: Aws) -> None:
    found = await extract(adapter, events, "bottles.jpg", project="")
    assert "content_moderation" not in json.loads(found.answer)[0]["image"]


async def test_same_token_returns_the_same_job(adapter: DataAutomation) -> None:
    token = new_token()
    first = await adapter.start(FILES["bottles.jpg"], token, InsightProject(PROJECT, PROFILE))
    assert await adapter.start(FILES["bottles.jpg"], token, InsightProject(PROJECT, PROFILE)) == first
    with pytest.raises(PermanentError) as raised:
        await adapter.start(FILES["jfk.flac"], token, InsightProject(PROJECT, PROFILE))
    assert raised.value.code == "ValidationException"


@pytest.mark.parametrize(
    ("reason", "kind"), [("too long", "Client Error"), ("InternalError: the service failed", "Service Error")]
)
async def test_failed_job_has_a_reason(
    adapter: DataAutomation, events: Aws, fault: Callable[..., None], reason: str, kind: str
) -> None:
    fault("InvokeDataAutomationAsync", "fail_job", count=1, reason=reason)
    invocation = await adapter.start(FILES["bottles.jpg"], new_token(), InsightProject(PROJECT, PROFILE))
    (event,) = events.received()
    assert event["detail-type"] == f"Bedrock Data Automation Job Failed With {kind}"
    assert event["detail"]["error_message"] == reason
    with pytest.raises(PermanentError) as raised:
        await adapter.get_result(invocation, 9.0)
    assert (raised.value.code, raised.value.why) == ("job_failed", reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"inputConfiguration": {"s3Uri": f"s3://{BUCKET}/missing.jpg"}}, "does not exist"),
        ({"inputConfiguration": {"s3Uri": f"s3://{BUCKET}"}}, "s3://bucket/key"),
        (
            {"blueprints": [{"blueprintArn": PROFILE.replace("data-automation-profile/us.", "blueprint/")}]},
            "not supported",
        ),
        ({"dataAutomationProfileArn": PROFILE.replace("us-east-1", "eu-west-1")}, "not of this region"),
        ({"dataAutomationProfileArn": "us.data-automation-v1"}, "validation error"),
        ({"clientToken": "a_b"}, "validation error"),
    ],
)
def test_request_that_aws_refuses_is_refused(automation: Any, aws: Aws, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClientError, match=reason) as raised:
        automation.invoke_data_automation_async(**request(**changes))
    assert raised.value.response["Error"]["Code"] == "ValidationException"


def test_job_sends_no_event_unless_it_is_asked_to(automation: Any, events: Aws) -> None:
    job = automation.invoke_data_automation_async(**request())["invocationArn"]
    wait_until(lambda: automation.get_data_automation_status(invocationArn=job)["status"] == "Success")
    assert events.received(1) == []


async def test_unknown_invocation_is_no_job(adapter: DataAutomation) -> None:
    invocation = PROFILE.replace("data-automation-profile/us.data-automation-v1", "data-automation-invocation/x")
    with pytest.raises((PermanentError, RetryAt)) as raised:
        await adapter.get_result(invocation, 9.0)
    assert raised.value.code == "ResourceNotFoundException"
