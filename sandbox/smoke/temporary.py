"""The AWS resources of a smoke test, each of which is deleted at its end, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.sandbox.errors import SandboxError

GONE = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchKey",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)


@dataclass(frozen=True, slots=True)
class SmokePlace:
    """Where a smoke test runs. `run` begins the names of all that it creates."""

    run: str
    bucket: str
    account: str
    partition: str
    region: str
    jobs_topic: str

    @property
    def queue_arn(self) -> str:
        """Return the ARN of the temporary queue."""
        return f"arn:{self.partition}:sqs:{self.region}:{self.account}:{self.run}"

    @property
    def rule_arn(self) -> str:
        """Return the ARN of the temporary rule."""
        return f"arn:{self.partition}:events:{self.region}:{self.account}:rule/{self.run}"

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Return the beginnings of the keys of all objects of a smoke test: samples, results and job intents."""
        return (f"{self.run}/", f"{self.bucket}/{quote(f'{self.run}/', safe='')}", "_")


class TemporaryResources:
    """Creates a queue, its subscription and a rule, and deletes them with all objects and transcription jobs."""

    def __init__(self, aws: AwsSession, place: SmokePlace, began: datetime) -> None:
        self._aws = aws
        self._place = place
        self._began = began
        self._undo: list[tuple[str, Callable[[], None]]] = []

    def create(self) -> str:
        """Create what receives job completions, and return the URL of the queue.

        Raises:
            SandboxError: the bucket has objects.
            AwsCallError: AWS rejected a call. `clean_up` deletes what exists.
        """
        if any(True for _ in self._versions()):
            raise SandboxError(f"{self._place.bucket} has objects: name an empty bucket")
        self._undo.append(("objects", self._delete_objects))
        self._undo.append(("transcription jobs", self._delete_transcriptions))
        url = self._queue()
        if self._place.jobs_topic:
            self._subscribe()
        self._rule()
        return url

    def clean_up(self) -> list[str]:
        """Delete everything, the newest first, and return what is left with the reason."""
        left = []
        while self._undo:
            what, undo = self._undo.pop()
            try:
                undo()
            except AwsCallError as error:
                if error.code not in GONE:
                    left.append(f"{what}: {error}")
        return left

    def _queue(self) -> str:
        run, place = self._place.run, self._place
        senders = {"sns.amazonaws.com": place.jobs_topic, "events.amazonaws.com": place.rule_arn}
        statements = [
            {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sqs:SendMessage",
                "Resource": place.queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": source}},
            }
            for service, source in senders.items()
            if source
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self._undo.append((f"queue {run}", self._delete_queue))
        return str(self._call("sqs", "create_queue", QueueName=run, Attributes={"Policy": policy})["QueueUrl"])

    def _subscribe(self) -> None:
        topic, queue = self._place.jobs_topic, self._place.queue_arn
        self._undo.append((f"subscription of {queue}", self._unsubscribe))
        self._call("sns", "subscribe", TopicArn=topic, Protocol="sqs", Endpoint=queue)

    def _rule(self) -> None:
        run = self._place.run
        pattern = {"source": ["aws.transcribe", "aws.mediaconvert"]}
        self._undo.append((f"rule {run}", self._delete_rule))
        self._call("events", "put_rule", Name=run, EventPattern=json.dumps(pattern))
        self._call("events", "put_targets", Rule=run, Targets=[{"Id": run, "Arn": self._place.queue_arn}])

    def _delete_queue(self) -> None:
        url = self._call("sqs", "get_queue_url", QueueName=self._place.run)["QueueUrl"]
        self._call("sqs", "delete_queue", QueueUrl=url)

    def _unsubscribe(self) -> None:
        for page in self._pages("sns", "list_subscriptions_by_topic", "NextToken", TopicArn=self._place.jobs_topic):
            for each in page.get("Subscriptions", ()):
                if each["Endpoint"] == self._place.queue_arn:
                    self._call("sns", "unsubscribe", SubscriptionArn=each["SubscriptionArn"])

    def _delete_rule(self) -> None:
        run = self._place.run
        try:
            self._call("events", "remove_targets", Rule=run, Ids=[run])
        finally:
            self._call("events", "delete_rule", Name=run)

    def _delete_objects(self) -> None:
        """Delete all versions of the objects of the test, and report others."""
        others = []
        for key, version in list(self._versions()):
            if not key.startswith(self._place.prefixes):
                others.append(key)
                continue
            self._call("s3", "delete_object", Bucket=self._place.bucket, Key=key, VersionId=version)
        if others:
            raise AwsCallError(f"{len(others)} objects of unknown origin were not deleted, such as {others[0]}")

    def _versions(self) -> Iterator[tuple[str, str]]:
        page: dict[str, str] = {}
        while True:
            answer = self._call("s3", "list_object_versions", Bucket=self._place.bucket, **page)
            for each in (*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())):
                yield each["Key"], each["VersionId"]
            if not answer.get("IsTruncated"):
                return
            page = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer.get("NextVersionIdMarker", "")}

    def _delete_transcriptions(self) -> None:
        """Delete the transcription jobs of the samples; those of other services expire."""
        for page in self._pages("transcribe", "list_transcription_jobs", "NextToken"):
            for each in page.get("TranscriptionJobSummaries", ()):
                name = each["TranscriptionJobName"]
                if each["CreationTime"] < self._began:
                    return  # the newest come first
                job = self._call("transcribe", "get_transcription_job", TranscriptionJobName=name)["TranscriptionJob"]
                if self._place.run in job.get("Media", {}).get("MediaFileUri", ""):
                    self._call("transcribe", "delete_transcription_job", TranscriptionJobName=name)

    def _pages(self, service: str, operation: str, token: str, **parameters: str) -> Iterator[dict[str, Any]]:
        page: dict[str, str] = {}
        while True:
            answer = self._call(service, operation, **parameters, **page)
            yield answer
            if not answer.get(token):
                return
            page = {token: answer[token]}

    def _call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._aws.call_with_retries(service, operation, self._place.region, **parameters)
