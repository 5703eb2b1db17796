"""The IAM actions of each component: the one source for `headrace doctor --aws` and the Terraform module.

`deploy/terraform/wanted.json` has the same content; `tests/project/test_deploy.py` compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headrace.schemas import topics
from headrace.schemas.jobs import DATA_AUTOMATION, JOB_SPECS
from headrace.streams.handlers import JobWatch
from headrace.streams.stage import Stage
from headrace.streams.vision_features import JOB_SPECS as VISION_JOB_SPECS

OBJECT_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "read_media": ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
    "store_results": ("s3:GetObject", "s3:PutObject"),
    "convert_media": ("s3:GetObject", "s3:GetObjectVersion"),
    "convert_results": ("s3:PutObject",),
    "forget_people": ("s3:DeleteObject",),
}
"""Actions on the objects of the media bucket and the results bucket.

`convert_media` and `convert_results` are those of MediaConvert's role, `forget_people` that of an operator.
"""

FORGET_PEOPLE = ("rekognition:DeleteFaces",)
"""Actions of `headrace faces forget`, besides those on pictures of faces in the results bucket."""

FIND_OBJECTS = "s3:ListBucket"
"""Without it S3 answers 403 instead of 404 for an object that does not exist."""

PASSED_ROLES = ("rekognition", "textract", "mediaconvert")
"""The services that assume a role, which the stage passes to them."""

RESOURCES: Mapping[str, str] = {
    "bedrock:GetDataAutomationStatus": "arn:{partition}:bedrock:{region}:{account}:data-automation-invocation/*",
    "bedrock:InvokeDataAutomationAsync": "arn:{partition}:bedrock:{region}:{account}:data-automation-profile/*",
    "bedrock:InvokeModel": "arn:{partition}:bedrock:{region}::foundation-model/{model}",
    "mediaconvert:CreateJob": "arn:{partition}:mediaconvert:{region}:{account}:queues/Default",
    "mediaconvert:GetJob": "arn:{partition}:mediaconvert:{region}:{account}:jobs/*",
    "rekognition:DeleteFaces": "arn:{partition}:rekognition:{region}:{account}:collection/*",
    "transcribe:GetTranscriptionJob": "arn:{partition}:transcribe:{region}:{account}:transcription-job/*",
}
"""Resources of the actions that have resource types for the way in which stages call them. Other actions have "*".

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS services".
"""


IAM_SERVICES: Mapping[str, str] = {
    "bedrockruntime": "bedrock",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sesv2": "ses",
    "sfn": "states",
    "stepfunctions": "states",
}
"""The prefixes of IAM actions that differ from the names of services in ARNs of tasks."""

IAM_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "bedrockruntime:converse": ("bedrock:InvokeModel",),
    "lambda:invoke": ("lambda:InvokeFunction",),
    "s3:copyObject": ("s3:GetObject", "s3:PutObject"),
    "s3:headObject": ("s3:GetObject",),
    "s3:listObjects": ("s3:ListBucket",),
    "s3:listObjectsV2": ("s3:ListBucket",),
}
"""The IAM actions of API actions that have another name.

Source: Service Authorization Reference, and "Required permissions for Amazon S3 API operations".
"""


@dataclass(frozen=True, slots=True)
class StagePermissions:
    """The actions of a stage, whether it reads media, and the service to which it passes a role, if any."""

    actions: tuple[str, ...]
    reads_media: bool
    passes: str


def stage_permissions(variants: Sequence[Stage]) -> StagePermissions:
    """Return what the IAM role of a stage needs for all variants of its configuration."""
    operations = [call.split(".") for stage in variants for call in stage.paid_operations]
    if any(isinstance(stage.handler, JobWatch) for stage in variants):
        operations = [[spec.service, spec.method] for spec in (*JOB_SPECS.values(), *VISION_JOB_SPECS.values())]
    starts = {service for service, call in operations if call.startswith(("start_", "create_"))}
    return StagePermissions(
        actions=tuple(sorted({iam_action(service, call) for service, call in operations})),
        reads_media=any(topic in (topics.UPLOADED, topics.READY) for stage in variants for topic in stage.reads),
        passes=next((service for service in PASSED_ROLES if service in starts), ""),
    )


def iam_action(service: str, call: str) -> str:
    """Return the IAM action of an SDK method, such as `rekognition:DetectLabels`."""
    if service == "bedrock-runtime":
        return "bedrock:InvokeModel"
    prefix = "bedrock" if service == DATA_AUTOMATION else service
    return f"{prefix}:{''.join(word.capitalize() for word in call.split('_'))}"


def task_actions(allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the IAM actions that tasks of state machines need for an allow-list, such as `rekognition:detect*`.

    A pattern stays one: `rekognition:Detect*`.
    """
    found = [IAM_ACTIONS.get(each) or (_task_action(*each.split(":", 1)),) for each in allowed]
    return tuple(sorted({action for actions in found for action in actions}))


def _task_action(service: str, action: str) -> str:
    return f"{IAM_SERVICES.get(service, service)}:{action[:1].upper()}{action[1:]}"
