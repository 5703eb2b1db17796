"""The policies of the local AWS: who sends to the queue, and the roles that AI services assume."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from headrace.console.aws_account.component_permissions import OBJECT_ACTIONS
from headrace.sandbox import names

VERSION = "2012-10-17"


def queue_policy() -> dict[str, Any]:
    """Return the policy of the queue: the bucket, the topic and the rule of the sandbox send to it."""
    rule = f"arn:aws:events:{names.REGION}:{names.ACCOUNT}:rule/{names.JOBS_RULE}"
    senders = {
        "s3.amazonaws.com": f"arn:aws:s3:::{names.MEDIA_BUCKET}",
        "sns.amazonaws.com": names.JOBS_TOPIC_ARN,
        "events.amazonaws.com": rule,
    }
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": names.queue_arn(names.QUEUE),
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        for service, source in senders.items()
    ]
    return {"Version": VERSION, "Statement": statements}


def apply_roles(iam: Any) -> None:
    """Create the roles that Rekognition, Textract and MediaConvert assume, with their policies."""
    media, results = (f"arn:aws:s3:::{name}/*" for name in (names.MEDIA_BUCKET, names.RESULTS_BUCKET))
    _apply_role(iam, names.JOBS_ROLE_ARN, ("rekognition", "textract"), [(["sns:Publish"], names.JOBS_TOPIC_ARN)])
    granted = [(list(OBJECT_ACTIONS["convert_media"]), media), (list(OBJECT_ACTIONS["convert_results"]), results)]
    _apply_role(iam, names.MEDIACONVERT_ROLE_ARN, ("mediaconvert",), granted)


def _apply_role(iam: Any, arn: str, services: tuple[str, ...], granted: list[tuple[list[str], str]]) -> None:
    name = arn.rpartition("/")[2]
    principal = {"Service": [f"{service}.amazonaws.com" for service in services]}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document([trust]))
    allowed = [{"Effect": "Allow", "Action": actions, "Resource": resource} for actions, resource in granted]
    iam.put_role_policy(RoleName=name, PolicyName="stage", PolicyDocument=_document(allowed))


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": VERSION, "Statement": statements})
