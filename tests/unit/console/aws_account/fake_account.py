"""An AWS account that answers calls from a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.console.aws_account.required_permissions import AwsResources

ACCOUNT = "111122223333"
QUEUE = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:events"
TOPIC = f"arn:aws:sns:eu-central-1:{ACCOUNT}:AmazonRekognition-jobs"
RESOURCES = AwsResources(
    partition="aws",
    account=ACCOUNT,
    region="eu-central-1",
    results_bucket="results",
    media_bucket="media",
    queue_urls=(f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/events",),
    jobs_topic=TOPIC,
    jobs_role=f"arn:aws:iam::{ACCOUNT}:role/jobs",
    mediaconvert_role=f"arn:aws:iam::{ACCOUNT}:role/convert",
)

Answer = dict[str, Any] | AwsCallError | Callable[[dict[str, Any]], dict[str, Any]]


class FakeAccount(AwsSession):
    """Answers `service.operation` from `answers`; an error is raised, a function gets the parameters."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        super().__init__()
        self.answers = dict(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def call_with_retries(self, service: str, operation: str, region: str = "", **parameters: Any) -> dict[str, Any]:
        self.calls.append((f"{service}.{operation}", parameters))
        answer = self.answers[f"{service}.{operation}"]
        if isinstance(answer, AwsCallError):
            raise answer
        return answer(parameters) if callable(answer) else answer


def denied(action: str) -> AwsCallError:
    """Return the error of a denied action."""
    return AwsCallError(f"User is not authorized to perform: {action}", "AccessDenied")
