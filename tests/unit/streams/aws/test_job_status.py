"""Tests that adapters read the status of a job before its result, for every status that a service can have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.loaders import Loader

from headrace.sandbox.ai.transcribe.job import NO_SPEECH
from headrace.schemas.jobs import DATA_AUTOMATION, JobSpec, is_running, succeeded
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.data_automation import DataAutomation
from headrace.streams.aws.face_collections import RekognitionFaces
from headrace.streams.aws.job_status import SPECS, AwsJobStatus
from headrace.streams.aws.mediaconvert import MediaConvert
from headrace.streams.aws.polly import Polly
from headrace.streams.aws.rekognition import Rekognition
from headrace.streams.aws.textract import Textract
from headrace.streams.aws.transcribe import Transcribe
from headrace.streams.errors import PermanentError, RetryAt
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.settings import StreamSettings
from headrace.streams.vision_features import VISION_FEATURES
from tests.support.fake_services import MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import job_finished

SETTINGS = StreamSettings(results_bucket="results")
STATUS_SHAPES = {
    "rekognition": "VideoJobStatus",
    "textract": "JobStatus",
    "transcribe": "TranscriptionJobStatus",
    "polly": "TaskStatus",
    "mediaconvert": "JobStatus",
    DATA_AUTOMATION: "AutomationJobStatus",
}
ALL_SPECS = sorted(SPECS.values(), key=lambda spec: spec.operation)


class ScriptedAws(AwsClient):
    """Returns responses in order; the last one again."""

    def __init__(self, *responses: Mapping[str, Any]) -> None:
        super().__init__(1, RateLimits({}, {}))
        self.responses = list(responses)
        self.asked = 0

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        self.asked += 1
        return dict(self.responses.pop(0) if len(self.responses) > 1 else self.responses[0])


def get_result(spec: JobSpec, aws: AwsClient) -> Awaitable[Any]:
    """Fetch the result of a job with its adapter."""
    bucket = MemoryBucket()
    features = {feature.get: name for name, feature in VISION_FEATURES.items()}
    if spec.operation == "StartFaceSearch":
        return RekognitionFaces(aws, SETTINGS, PRICES).get_result("job", 60.0)
    adapters: dict[str, Callable[[], Awaitable[Any]]] = {
        "rekognition": lambda: Rekognition(aws, SETTINGS, PRICES).get_result(features[spec.method], "job", 60.0),
        "textract": lambda: Textract(aws, SETTINGS, PRICES).get_result(
            "job", ["FORMS"] if spec.operation == "StartDocumentAnalysis" else []
        ),
        "transcribe": lambda: Transcribe(aws, bucket, SETTINGS, PRICES).get_result("job", 60.0),
        "polly": lambda: Polly(aws, bucket, SETTINGS, PRICES).get_result("job"),
        "mediaconvert": lambda: MediaConvert(aws, bucket, SETTINGS, PRICES).get_result("job", 60.0),
        DATA_AUTOMATION: lambda: DataAutomation(aws, bucket, SETTINGS, PRICES).get_result("job", 60.0),
    }
    return adapters[spec.service]()


def response(spec: JobSpec, status: str | None, reason: str | None = None) -> dict[str, Any]:
    """Return a response that has a status and no result."""
    result = {spec.status_field: status, spec.reason_field: reason}
    result = {name: value for name, value in result.items() if value is not None}
    return {spec.result_field: result} if spec.result_field else result


def modelled(service: str) -> list[str]:
    """Return the status words of a service in botocore's model."""
    shapes = Loader().load_service_model(service, "service-2")["shapes"]
    return list(shapes[STATUS_SHAPES[service]]["enum"])


def _every_status() -> Iterator[tuple[JobSpec, str]]:
    for spec in ALL_SPECS:
        for status in modelled(spec.service):
            yield spec, status


@pytest.mark.parametrize(
    ("spec", "status"), list(_every_status()), ids=lambda value: getattr(value, "operation", value)
)
async def test_every_modelled_status_is_known(spec: JobSpec, status: str) -> None:
    if is_running(status):
        with pytest.raises(RetryAt):
            await get_result(spec, ScriptedAws(response(spec, status)))
    elif not succeeded(status):
        with pytest.raises(PermanentError) as raised:
            await get_result(spec, ScriptedAws(response(spec, status, "the codec is vp9")))
        assert (raised.value.code, raised.value.why) == ("job_failed", "the codec is vp9")
    assert is_running(status) or succeeded(status) is not None


@pytest.mark.parametrize("status", ["PAUSED", "EXPIRED", "", None])
@pytest.mark.parametrize("spec", ALL_SPECS, ids=lambda spec: spec.operation)
async def test_unknown_status_is_no_result(spec: JobSpec, status: str | None) -> None:
    with pytest.raises(PermanentError) as raised:
        await get_result(spec, ScriptedAws(response(spec, status)))
    assert raised.value.code == "unknown_status"
    assert repr(status or "") in raised.value.why


@pytest.mark.parametrize("spec", ALL_SPECS, ids=lambda spec: spec.operation)
async def test_lookup_waits_while_the_status_is_unknown(spec: JobSpec) -> None:
    job = job_finished("labels-1", service=spec.service, operation=spec.operation)
    for status in ("PAUSED", None):
        assert await AwsJobStatus(ScriptedAws(response(spec, status))).completion_of(job) is None


async def test_second_page_may_have_another_status() -> None:
    first = {"JobStatus": "SUCCEEDED", "Labels": [], "NextToken": "more"}
    aws = ScriptedAws(first, {"JobStatus": "FAILED", "StatusMessage": "internal"})
    with pytest.raises(PermanentError, match="internal"):
        await Rekognition(aws, SETTINGS, PRICES).get_result("labels", "job", 60.0)


@pytest.mark.parametrize("reason", [NO_SPEECH, "There is no speech in the audio.", "Speech not detected"])
def test_job_that_heard_no_speech_has_an_empty_transcript(reason: str) -> None:
    transcript = Transcribe(ScriptedAws({}), MemoryBucket(), SETTINGS, PRICES).silence(reason)
    assert transcript is not None
    assert (transcript.text, transcript.charges) == ("", ())


@pytest.mark.parametrize(
    "reason", ["", "Unsupported media format.", "Invalid sample rate for audio file.", "Invalid file size: too large"]
)
def test_other_failures_have_no_transcript(reason: str) -> None:
    assert Transcribe(ScriptedAws({}), MemoryBucket(), SETTINGS, PRICES).silence(reason) is None


def block(page: int, text: str = "") -> dict[str, Any]:
    kind = {"BlockType": "LINE", "Text": text} if text else {"BlockType": "PAGE"}
    return {"Id": f"{page}{text}", "Page": page, "Confidence": 99.0, **kind}


READ = [block(1), block(1, "one"), block(3), block(3, "three"), block(5), block(5, "five")]
WARNED = [{"ErrorCode": "UNSUPPORTED_CONTENT", "Pages": [4, 2]}, {"ErrorCode": "OTHER", "Pages": [2, 9, 0]}]


@pytest.mark.parametrize("features", [[], ["FORMS"]])
@pytest.mark.parametrize("warnings", [WARNED, [{"ErrorCode": "OTHER"}], [], None])
async def test_partial_document_is_kept_and_charged_by_page(features: list[Any], warnings: Any) -> None:
    partial = {"JobStatus": "PARTIAL_SUCCESS", "DocumentMetadata": {"Pages": 5}, "Blocks": READ, "Warnings": warnings}
    pages = await Textract(ScriptedAws(partial), SETTINGS, PRICES).get_result("job", features)
    assert (pages.count, pages.missing, pages.text) == (5, (2, 4), "one\n\nthree\n\nfive")
    assert [charge.units for charge in pages.charges] == [3]


async def test_warnings_of_every_page_of_a_response_count() -> None:
    first = {"JobStatus": "PARTIAL_SUCCESS", "DocumentMetadata": {"Pages": 5}, "Blocks": READ[:3], "NextToken": "2"}
    second = {"JobStatus": "PARTIAL_SUCCESS", "Blocks": READ[3:], "Warnings": WARNED}
    pages = await Textract(ScriptedAws(first, second), SETTINGS, PRICES).get_result("job")
    assert (pages.count, pages.missing) == (5, (2, 4))


async def test_whole_document_has_no_missing_pages() -> None:
    blank = {"JobStatus": "SUCCEEDED", "DocumentMetadata": {"Pages": 5}, "Blocks": READ}
    pages = await Textract(ScriptedAws(blank), SETTINGS, PRICES).get_result("job")
    assert (pages.missing, pages.charges[0].units) == ((), 5)
