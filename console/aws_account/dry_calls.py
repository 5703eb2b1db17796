"""Calls that show whether the caller has a permission, and that can neither cost nor change anything.

Each call names an object, a job, a message or a language that does not exist, or has too much text: a service that
authorises the call then rejects it with a known error. An action without such a call is not tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.connectors.bridge.queue import INVALID_RECEIPT_HANDLE
from headrace.console.aws_account.account_reader import DENIED
from headrace.console.aws_account.required_permissions import RequiredPermission
from headrace.streams.limits.service_inputs import text_rule

ABSENT = "headrace-doctor-absent"
"""Name of an object, job, bucket and collection that does not exist."""

_NO_OBJECT = ("NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed")
_NO_HANDLE = ("ReceiptHandleIsInvalid", "InvalidParameterValue")
_DIGEST_OF_NOTHING = "1B2M2Y8AsgTpgAmY7PhCfg=="


@dataclass(frozen=True, slots=True)
class TrialNames:
    """Real names that a call must have so that its authorisation is the same as that of a stage."""

    media_bucket: str
    jobs_topic: str
    jobs_role: str


@dataclass(frozen=True, slots=True)
class DryCall:
    """An SDK operation, its parameters, and the error codes with which a service rejects it after authorisation."""

    operation: str
    parameters: Callable[[RequiredPermission, TrialNames], dict[str, Any]]
    proof: tuple[str, ...] = ()


def try_permission(
    aws: AwsSession, permission: RequiredPermission, names: TrialNames, region: str
) -> tuple[bool | None, str]:
    """Return whether the caller has a permission, None if no call shows it, and the reason."""
    if permission.principal:
        return None, "another role needs it: only a policy simulation can check it"
    call = dry_call(permission.action)
    if call is None:
        return None, "no harmless call exists: only a policy simulation can check it"
    service, _, operation = call.operation.partition(".")
    try:
        aws.call_with_retries(service, operation, region, **call.parameters(permission, names))
    except AwsCallError as error:
        if error.code in DENIED:
            return False, f"{service} denied a dry call: {error.code}"
        if error.code.rpartition(".")[2] in call.proof:
            return True, f"{service} authorised a dry call"
        return None, f"a dry call does not show it: {error}"
    return True, f"{service} authorised a dry call"


def dry_call(action: str) -> DryCall | None:
    """Return the dry call of an IAM action."""
    service, _, name = action.partition(":")
    if service == "rekognition" and action not in _CALLS:
        return _rekognition(name)
    if service == "textract":
        return _textract(name)
    if service == "comprehend":
        return _comprehend(name)
    return _CALLS.get(action)


def _rekognition(name: str) -> DryCall | None:
    method = f"rekognition.{xform_name(name)}"
    if name.startswith("Get"):
        return DryCall(
            method, lambda _, names: {"JobId": "0" * 64}, ("ResourceNotFoundException", "InvalidJobIdException")
        )
    if name.startswith("Start"):
        extra: Mapping[str, dict[str, Any]] = {
            "StartSegmentDetection": {"SegmentTypes": ["SHOT"]},
            "StartFaceSearch": {"CollectionId": ABSENT},
        }
        proof = ("InvalidS3ObjectException", "ResourceNotFoundException")
        return DryCall(method, lambda _, names: _absent("Video", names) | _channel(names) | extra.get(name, {}), proof)
    if name.startswith(("Detect", "Recognize")) and name != "DetectCustomLabels":
        return DryCall(method, lambda _, names: _absent("Image", names), ("InvalidS3ObjectException",))
    return None


def _textract(name: str) -> DryCall | None:
    method, proof = f"textract.{xform_name(name)}", ("InvalidS3ObjectException", "InvalidJobIdException")
    if name.startswith("Get"):
        return DryCall(method, _absent_job, proof)
    features = {"FeatureTypes": ["FORMS"]} if name.endswith("Analysis") or name.startswith("Analyze") else {}
    if name.startswith("Start"):
        return DryCall(method, lambda _, names: _absent("DocumentLocation", names) | _channel(names) | features, proof)
    return DryCall(method, lambda _, names: _absent("Document", names) | features, proof)


def _comprehend(name: str) -> DryCall:
    """Return a call with more bytes of text than Comprehend accepts."""
    limit = text_rule("comprehend", name).max_bytes or 100_000
    parameters = {"Text": "a" * (limit + 1), **({"LanguageCode": "en"} if "Dominant" not in name else {})}
    return DryCall(f"comprehend.{xform_name(name)}", lambda _, names: parameters, ("TextSizeLimitExceededException",))


def _absent_job(_: RequiredPermission, names: TrialNames) -> dict[str, Any]:
    return {"JobId": "0" * 64}


def _absent(member: str, names: TrialNames) -> dict[str, Any]:
    return {member: {"S3Object": {"Bucket": names.media_bucket or ABSENT, "Name": ABSENT}}}


def _channel(names: TrialNames) -> dict[str, Any]:
    if not names.jobs_topic or not names.jobs_role:
        return {}
    return {"NotificationChannel": {"SNSTopicArn": names.jobs_topic, "RoleArn": names.jobs_role}}


def _object(permission: RequiredPermission, _: TrialNames) -> dict[str, Any]:
    return {"Bucket": _bucket(permission), "Key": ABSENT}


def _version(permission: RequiredPermission, names: TrialNames) -> dict[str, Any]:
    return {**_object(permission, names), "VersionId": "null"}


def _conditional_put(permission: RequiredPermission, names: TrialNames) -> dict[str, Any]:
    """Return an upload that no store accepts: for an existing ETag only, and with the digest of other content."""
    return {**_object(permission, names), "Body": b"x", "IfMatch": '"0"', "ContentMD5": _DIGEST_OF_NOTHING}


def _bucket(permission: RequiredPermission) -> str:
    return permission.resource.rpartition(":")[2].partition("/")[0]


def _invalid_handle(permission: RequiredPermission, _: TrialNames) -> dict[str, Any]:
    return {"QueueUrl": queue_url(permission.resource), "ReceiptHandle": INVALID_RECEIPT_HANDLE}


def _hidden(permission: RequiredPermission, names: TrialNames) -> dict[str, Any]:
    return {**_invalid_handle(permission, names), "VisibilityTimeout": 0}


def queue_url(arn: str) -> str:
    """Return the URL of a queue, whose host the SDK replaces by its endpoint."""
    _, _, _, region, account, name = arn.split(":")
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


def _model(permission: RequiredPermission, _: TrialNames) -> dict[str, Any]:
    resource = permission.resource
    model = resource if ":inference-profile/" in resource else resource.rpartition("foundation-model/")[2]
    return {"modelId": model, "body": b"{}"}


_CALLS: Mapping[str, DryCall] = {
    "s3:GetObject": DryCall("s3.get_object", _object, _NO_OBJECT),
    "s3:GetObjectVersion": DryCall("s3.get_object", _version, _NO_OBJECT),
    "s3:GetObjectTagging": DryCall("s3.get_object_tagging", _object, _NO_OBJECT),
    "s3:GetObjectVersionTagging": DryCall("s3.get_object_tagging", _version, _NO_OBJECT),
    "s3:PutObject": DryCall("s3.put_object", _conditional_put, ("NoSuchKey", "PreconditionFailed", "BadDigest")),
    "s3:ListBucket": DryCall("s3.list_objects_v2", lambda need, _: {"Bucket": _bucket(need), "MaxKeys": 1}),
    "sqs:GetQueueAttributes": DryCall(
        "sqs.get_queue_attributes",
        lambda need, _: {"QueueUrl": queue_url(need.resource), "AttributeNames": ["QueueArn"]},
    ),
    "sqs:DeleteMessage": DryCall("sqs.delete_message", _invalid_handle, _NO_HANDLE),
    "sqs:ChangeMessageVisibility": DryCall("sqs.change_message_visibility", _hidden, _NO_HANDLE),
    "lambda:InvokeFunction": DryCall(
        "lambda.invoke", lambda need, _: {"FunctionName": need.resource, "InvocationType": "DryRun"}
    ),
    "events:PutEvents": DryCall(
        # An entry without a source is rejected, and the others are none.
        "events.put_events",
        lambda need, _: {"Entries": [{"EventBusName": need.resource}]},
        ("ValidationException",),
    ),
    "rekognition:IndexFaces": DryCall(
        "rekognition.index_faces",
        lambda _, names: {"CollectionId": ABSENT, **_absent("Image", names)},
        ("ResourceNotFoundException", "InvalidS3ObjectException"),
    ),
    "rekognition:SearchFaces": DryCall(
        "rekognition.search_faces",
        lambda _, names: {"CollectionId": ABSENT, "FaceId": "00000000-0000-0000-0000-000000000000"},
        ("ResourceNotFoundException", "InvalidParameterException"),
    ),
    "rekognition:SearchFacesByImage": DryCall(
        "rekognition.search_faces_by_image",
        lambda _, names: {"CollectionId": ABSENT, **_absent("Image", names)},
        ("ResourceNotFoundException", "InvalidS3ObjectException"),
    ),
    "rekognition:DeleteFaces": DryCall(
        "rekognition.delete_faces",
        lambda _, names: {"CollectionId": ABSENT, "FaceIds": ["00000000-0000-0000-0000-000000000000"]},
        ("ResourceNotFoundException",),
    ),
    "transcribe:GetTranscriptionJob": DryCall(
        "transcribe.get_transcription_job",
        lambda _, names: {"TranscriptionJobName": ABSENT},
        ("BadRequestException", "NotFoundException"),
    ),
    "transcribe:StartTranscriptionJob": DryCall(
        "transcribe.start_transcription_job",
        lambda _, names: {
            "TranscriptionJobName": ABSENT,
            "LanguageCode": "en-US",
            "Media": {"MediaFileUri": f"s3://{names.media_bucket or ABSENT}/{ABSENT}.mp4"},
        },
        ("BadRequestException",),
    ),
    "translate:TranslateText": DryCall(
        "translate.translate_text",
        lambda _, names: {"Text": "a", "SourceLanguageCode": "xx", "TargetLanguageCode": "en"},
        ("UnsupportedLanguagePairException",),
    ),
    "bedrock:InvokeModel": DryCall("bedrock-runtime.invoke_model", _model, ("ValidationException",)),
    "polly:GetSpeechSynthesisTask": DryCall(
        "polly.get_speech_synthesis_task",
        lambda _, names: {"TaskId": ABSENT},
        ("SynthesisTaskNotFoundException", "InvalidTaskIdException"),
    ),
    "mediaconvert:GetJob": DryCall("mediaconvert.get_job", lambda _, names: {"Id": ABSENT}, ("NotFoundException",)),
}
