"""What things are called in the sandbox's cloud."""

from __future__ import annotations

HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"

MEDIA_BUCKET = "headrace-media"
RESULTS_BUCKET = "headrace-results"
QUEUE = "headrace-events"
REDRIVE_QUEUE = "headrace-events-dlq"
ROUTED = "headrace-routed"
"""A queue and a topic, where the demo's rules send to."""
ROUTED_BY_SNS = "headrace-routed-by-sns"
"""The queue that subscribes to that topic."""
JOBS_TOPIC = "AmazonRekognition-headrace"
JOBS_RULE = "headrace-jobs"

JOBS_TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:{JOBS_TOPIC}"
JOBS_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/headrace-jobs"
MEDIACONVERT_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/headrace-mediaconvert"


def topic_arn(name: str) -> str:
    """The ARN of a topic of the sandbox."""
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"


def endpoint(port: int) -> str:
    """The URL of a server of the sandbox."""
    return f"http://{HOST}:{port}"


def queue_arn(name: str) -> str:
    """The ARN of a queue of the sandbox."""
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def queue_url(port: int, name: str = QUEUE) -> str:
    """The URL of a queue, given the port of the local AWS."""
    return f"{endpoint(port)}/{ACCOUNT}/{name}"


FOLDER = "rules"
