"""The AWS adapters read the answers of moto, which are independent of those of the AI endpoint of the sandbox.

moto has no face collections, only jobs that search one, and no models of Custom Labels, only their answers: `LACKING`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from headrace.sandbox.cluster.environment import AI_SERVICES
from headrace.schemas.records import CustomLabel, Label, TextLine
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.comprehend import Comprehend
from headrace.streams.aws.face_collections import RekognitionFaces
from headrace.streams.aws.job_status import AwsJobStatus
from headrace.streams.aws.rekognition import Rekognition
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.aws.textract import Textract
from headrace.streams.aws.transcribe import Transcribe
from headrace.streams.errors import TransientError
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.people import FaceSearch
from headrace.streams.settings import StreamSettings
from tests.contract.ai import BUCKET, ROLE
from tests.contract.test_ai_adapters import media, stored, token
from tests.support.prices import PRICES
from tests.support.records import job_started

pytestmark = [pytest.mark.system, pytest.mark.moto, pytest.mark.each_emulator]

MODEL = "arn:aws:rekognition:us-east-1:000000000000:project/cars/version/1/1700000000000"
PROJECT = "arn:aws:rekognition:us-east-1:000000000000:project/cars/1700000000000"
LACKING: dict[str, dict[str, Any]] = {
    "create_collection": {"CollectionId": "staff"},
    "index_faces": {"CollectionId": "staff", "Image": {"Bytes": b"x"}},
    "search_faces": {"CollectionId": "staff", "FaceId": "00000000-0000-0000-0000-000000000000"},
    "search_faces_by_image": {"CollectionId": "staff", "Image": {"Bytes": b"x"}},
    "describe_project_versions": {"ProjectArn": PROJECT},
}
"""Operations of Rekognition that stages call and moto does not have, with valid parameters."""

SETTINGS = StreamSettings(
    results_bucket=BUCKET,
    jobs_topic_arn="arn:aws:sns:us-east-1:000000000000:AmazonRekognition-moto",
    jobs_role_arn=ROLE,
    mediaconvert_role_arn=ROLE,
)


@pytest.fixture
def calls(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClient]:
    """The AWS client of the stages, connected to moto."""
    for name in ("S3", *AI_SERVICES):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", moto_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    client = AwsClient(4, RateLimits({}, {}))
    yield client
    client.close()


async def test_labels_of_an_image(calls: AwsClient) -> None:
    found = await Rekognition(calls, SETTINGS, PRICES).detect("labels", media("bottles.jpg"))
    assert found.detections == (Label(name="Mobile Phone", confidence=99.94, parent="Phone"),)


async def test_text_of_an_image_has_its_lines(calls: AwsClient) -> None:
    found = await Rekognition(calls, SETTINGS, PRICES).detect("text", media("bottles.jpg"))
    assert [line.text for line in found.detections if isinstance(line, TextLine)] == [
        "MONDAY",
        "but keep",
        "IT'S",
        "Smiling",
    ]


async def test_text_of_a_video_has_its_times(calls: AwsClient) -> None:
    vision = Rekognition(calls, SETTINGS, PRICES)
    job = await vision.start("text", media("rabbit.mp4"), token("text-in-video", "rabbit.mp4"))
    found = await vision.get_result("text", job, 8.0)
    assert {(line.text, line.at_seconds) for line in found.detections if isinstance(line, TextLine)} == {
        ("Hello world", 0.0),
        ("Goodbye world", 1.0),
    }


async def test_personal_data_and_key_phrases_of_a_text(calls: AwsClient) -> None:
    language = Comprehend(calls, SETTINGS, PRICES)
    text = "Ada Example. " * 40
    pii = await language.detect_spans("pii", text, "en")
    assert [span.kind for span in pii.spans] == ["NAME", "EMAIL", "BANK_ACCOUNT_NUMBER"]
    phrases = await language.detect_spans("key-phrases", text, "en")
    assert [(span.begin, span.end) for span in phrases.spans] == [(50, 58), (230, 259), (334, 349)]


async def test_sentiment_of_a_text(calls: AwsClient) -> None:
    mood = await Comprehend(calls, SETTINGS, PRICES).detect_sentiment("It is what it is.", "en")
    assert (mood.neutral, mood.mixed) == (0.9916, 0.0)


async def test_transcription_job_starts_once_and_ends(calls: AwsClient) -> None:
    speech, key = Transcribe(calls, S3Bucket(calls, BUCKET), SETTINGS, PRICES), token("transcript", "jfk.flac")
    assert await speech.start(media("jfk.flac"), key, 0, "") == key
    assert await speech.start(media("jfk.flac"), key, 0, "") == key
    service = {"service": "transcribe", "operation": "StartTranscriptionJob"}
    job = job_started(key, stored("jfk.flac"), stage="transcript", job_id=key, **service)
    # moto moves a job to its next state with each question.
    ends = [await AwsJobStatus(calls).completion_of(job) for _ in range(4)]
    assert {end.status for end in ends if end} == {"succeeded"}


async def test_answer_of_another_shape_is_unreadable(calls: AwsClient) -> None:
    """The number of pages is an object in the answers of moto."""
    with pytest.raises(TransientError, match=r"DetectDocumentText: DocumentMetadata\.Pages is not a valid") as refused:
        await Textract(calls, SETTINGS, PRICES).detect(media("bottles.jpg"))
    assert refused.value.code == "unreadable_answer"


async def test_labels_of_a_custom_model(calls: AwsClient) -> None:
    found = await Rekognition(calls, SETTINGS, PRICES, MODEL).detect("custom", media("bottles.jpg"))
    assert found.model == MODEL
    labels = [label for label in found.detections if isinstance(label, CustomLabel)]
    assert (labels[0].name, labels[0].confidence) == ("MyLogo", 77.77)


async def test_known_people_of_a_video_have_their_times(calls: AwsClient) -> None:
    people = RekognitionFaces(calls, SETTINGS, PRICES)
    job = await people.start(FaceSearch("staff", 95.0), media("rabbit.mp4"), token("face-search", "rabbit.mp4"))
    found = await people.get_result(job, 8.0)
    assert {face.at_seconds for face in found.faces} == {0.0}
    assert [match.similarity for match in found.faces[0].matches] == [100.0, 100.0, 100.0, 99.37]


@pytest.mark.parametrize("operation", LACKING)
async def test_what_moto_lacks_is_an_error_of_the_service(calls: AwsClient, operation: str) -> None:
    """Once moto has an operation, it is to be tested here."""
    with pytest.raises(TransientError, match=": 500: "):
        await calls.call("rekognition", operation, **LACKING[operation])
