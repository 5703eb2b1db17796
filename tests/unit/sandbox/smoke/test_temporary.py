"""Everything that a smoke test creates is deleted, also where AWS denies an operation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.smoke.temporary import SmokePlace, TemporaryResources

BEGAN = datetime(2026, 6, 1, tzinfo=UTC)
PLACE = SmokePlace("headrace-smoke-1", "bucket", "111122223333", "aws", "eu-central-1", "arn:aws:sns:r:1:topic")
OWN = ("headrace-smoke-1/a.jpg", "bucket/headrace-smoke-1%2Fa.jpg/1/labels@1.json", "_jobs/token.json")


class Cloud(AwsSession):
    """Queues, subscriptions, rules, objects and transcription jobs. Denies the operation `denied`."""

    def __init__(self, denied: str = "") -> None:
        super().__init__()
        self.denied = denied
        self.queues: set[str] = set()
        self.subscriptions: set[str] = set()
        self.rules: dict[str, set[str]] = {}
        self.objects: set[str] = set()
        self.jobs: dict[str, tuple[datetime, str]] = {}

    @property
    def left(self) -> list[str]:
        """Return the names of everything that exists."""
        return sorted((*self.queues, *self.subscriptions, *self.rules, *self.objects, *self.jobs))

    def call_with_retries(self, service: str, operation: str, region: str = "", **given: Any) -> dict[str, Any]:
        if operation == self.denied:
            raise AwsCallError(f"not authorized to perform {operation}", "AccessDenied")
        answer: dict[str, Any] | None = getattr(self, f"_{operation}")(given)
        return answer or {}

    def _list_object_versions(self, given: dict[str, Any]) -> dict[str, Any]:
        left = sorted(key for key in self.objects if key > given.get("KeyMarker", ""))
        page = {"Versions": [{"Key": key, "VersionId": "null"} for key in left[:2]]}
        return page | ({"IsTruncated": True, "NextKeyMarker": left[1]} if len(left) > 2 else {})

    def _delete_object(self, given: dict[str, Any]) -> None:
        self.objects.remove(given["Key"])

    def _create_queue(self, given: dict[str, Any]) -> dict[str, Any]:
        self.queues.add(given["QueueName"])
        return {"QueueUrl": f"https://sqs/{given['QueueName']}"}

    def _get_queue_url(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["QueueName"] not in self.queues:
            raise AwsCallError("no queue", "AWS.SimpleQueueService.NonExistentQueue")
        return {"QueueUrl": f"https://sqs/{given['QueueName']}"}

    def _delete_queue(self, given: dict[str, Any]) -> None:
        self.queues.remove(given["QueueUrl"].rpartition("/")[2])

    def _subscribe(self, given: dict[str, Any]) -> None:
        self.subscriptions.add(given["Endpoint"])

    def _list_subscriptions_by_topic(self, _: dict[str, Any]) -> dict[str, Any]:
        everyone = ("arn:aws:sqs:r:1:production", *self.subscriptions)
        return {"Subscriptions": [{"Endpoint": each, "SubscriptionArn": each} for each in everyone]}

    def _unsubscribe(self, given: dict[str, Any]) -> None:
        self.subscriptions.remove(given["SubscriptionArn"])

    def _put_rule(self, given: dict[str, Any]) -> None:
        self.rules[given["Name"]] = set()

    def _put_targets(self, given: dict[str, Any]) -> None:
        self.rules[given["Rule"]].add(given["Targets"][0]["Id"])

    def _remove_targets(self, given: dict[str, Any]) -> None:
        if given["Rule"] not in self.rules:
            raise AwsCallError("no rule", "ResourceNotFoundException")
        self.rules[given["Rule"]].difference_update(given["Ids"])

    def _delete_rule(self, given: dict[str, Any]) -> None:
        if self.rules.get(given["Name"]):
            raise AwsCallError("the rule has targets", "ValidationException")
        self.rules.pop(given["Name"], None)

    def _list_transcription_jobs(self, _: dict[str, Any]) -> dict[str, Any]:
        newest = sorted(self.jobs.items(), key=lambda job: job[1][0], reverse=True)
        jobs = [{"TranscriptionJobName": name, "CreationTime": at} for name, (at, _) in newest]
        return {"TranscriptionJobSummaries": jobs}

    def _get_transcription_job(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"TranscriptionJob": {"Media": {"MediaFileUri": self.jobs[given["TranscriptionJobName"]][1]}}}

    def _delete_transcription_job(self, given: dict[str, Any]) -> None:
        del self.jobs[given["TranscriptionJobName"]]


def used(cloud: Cloud) -> TemporaryResources:
    """Create the resources, and store what a test stores."""
    resources = TemporaryResources(cloud, PLACE, BEGAN)
    resources.create()
    cloud.objects.update(OWN)
    cloud.jobs["mine"] = (BEGAN + timedelta(seconds=1), "s3://bucket/headrace-smoke-1/jfk.flac")
    cloud.jobs["other"] = (BEGAN + timedelta(seconds=2), "s3://production/call.wav")
    cloud.jobs["old"] = (BEGAN - timedelta(days=1), "s3://bucket/headrace-smoke-1/jfk.flac")
    return resources


def test_everything_is_deleted_and_nothing_else() -> None:
    cloud = Cloud()
    assert used(cloud).clean_up() == []
    assert cloud.left == ["old", "other"]


@pytest.mark.parametrize("denied", ["create_queue", "subscribe", "put_rule", "put_targets"])
def test_denied_creation_leaves_nothing(denied: str) -> None:
    cloud = Cloud(denied)
    resources = TemporaryResources(cloud, PLACE, BEGAN)
    with pytest.raises(AwsCallError, match=denied):
        resources.create()
    assert resources.clean_up() == []
    assert cloud.left == []


@pytest.mark.parametrize(
    ("denied", "left"),
    [
        ("delete_queue", ["headrace-smoke-1"]),
        ("unsubscribe", [PLACE.queue_arn]),
        ("remove_targets", ["headrace-smoke-1"]),
        ("delete_rule", ["headrace-smoke-1"]),
        ("delete_object", sorted(OWN)),
        ("list_transcription_jobs", ["mine"]),
        ("delete_transcription_job", ["mine"]),
    ],
)
def test_denied_deletion_is_reported_and_the_rest_is_deleted(denied: str, left: list[str]) -> None:
    cloud = Cloud(denied)
    [reported] = used(cloud).clean_up()
    assert [each for each in cloud.left if each not in ("old", "other")] == left
    assert "AccessDenied" in reported or "not authorized" in reported or "has targets" in reported


def test_bucket_with_objects_is_refused() -> None:
    cloud = Cloud()
    cloud.objects.add("holiday.jpg")
    resources = TemporaryResources(cloud, PLACE, BEGAN)
    with pytest.raises(SandboxError, match="bucket has objects"):
        resources.create()
    assert resources.clean_up() == []
    assert cloud.left == ["holiday.jpg"]


def test_objects_of_others_are_kept_and_reported() -> None:
    cloud = Cloud()
    resources = used(cloud)
    cloud.objects.add("holiday.jpg")
    assert resources.clean_up() == ["objects: 1 objects of unknown origin were not deleted, such as holiday.jpg"]
    assert "holiday.jpg" in cloud.left
    assert OWN[0] not in cloud.left
