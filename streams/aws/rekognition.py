"""`streams.services.Vision` over Amazon Rekognition.

Source: Amazon Rekognition Developer Guide, "Working with stored video analysis operations".
"""

from __future__ import annotations

import json
from typing import Any

from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.custom_models import CustomModels
from headrace.streams.aws.job_status import result_pages
from headrace.streams.costs.prices import PriceList, operation_of
from headrace.streams.limits.input_check import check_media
from headrace.streams.media.media_input import MediaInput
from headrace.streams.service_results import VisionResult
from headrace.streams.settings import StreamSettings
from headrace.streams.vision_features import VISION_FEATURES, Feature


class Rekognition:
    """Analyses images and videos with Rekognition."""

    def __init__(self, aws: AwsClient, settings: StreamSettings, prices: PriceList, model: str = "") -> None:
        self._aws = aws
        self._settings = settings
        self._prices = prices
        self._model = model
        self._models = CustomModels(aws)

    async def with_model(self, project: str, version: str) -> Rekognition:
        """Return the service with a running model of Custom Labels.

        Raises:
            RetryAt: The model is being started.
            PermanentError: `model_not_running`: It is not running, and will not run by itself.
        """
        arn = await self._models.running(project, version)
        return Rekognition(self._aws, self._settings, self._prices, arn)

    async def detect(self, feature: Feature, picture: MediaInput) -> VisionResult:
        """Analyse an image synchronously.

        Raises:
            PermanentError: `unsupported_input`: Rekognition does not accept the image.
        """
        calls = VISION_FEATURES[feature]
        check_media("rekognition", operation_of(calls.image), picture)
        options = (calls.image_options or calls.options)(self._settings.min_confidence)
        if calls.custom:
            options |= {"ProjectVersionArn": self._model}
        response = await self._aws.call("rekognition", calls.image, Image={"S3Object": picture.s3_object}, **options)
        response.pop("ResponseMetadata", None)
        detections = calls.records((None, each) for each in response[calls.image_field])
        paid = self._prices.charge("rekognition", operation_of(calls.image), 1)
        return VisionResult(detections, response.get(calls.model, self._model), _json(response), (paid,))

    async def start(self, feature: Feature, video: MediaInput, token: str) -> str:
        """Start a video job with an idempotency key and return its id; the same key returns the same job.

        Raises:
            PermanentError: `unsupported_input`: Rekognition does not accept the video.
        """
        calls = VISION_FEATURES[feature]
        check_media("rekognition", operation_of(calls.start), video)
        response = await self._aws.call(
            "rekognition",
            calls.start,
            Video={"S3Object": video.s3_object},
            ClientRequestToken=token,
            JobTag=token,
            NotificationChannel=self._settings.job_channel,
            **calls.options(self._settings.min_confidence),
        )
        job_id: str = response["JobId"]
        return job_id

    async def get_result(self, feature: Feature, job_id: str, seconds: float) -> VisionResult:
        """Return the results of a job from all pages.

        Raises:
            StageError: The job has no result: `streams.aws.job_status.result_pages`.
        """
        calls = VISION_FEATURES[feature]
        if calls.job is None:
            raise LookupError(f"{feature} has no video job")
        detections: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        async for page in result_pages(self._aws, calls.job, job_id):
            detections += page[calls.video_field]
        model = page.get(calls.model, "")
        response = {"JobId": job_id, "VideoMetadata": page.get("VideoMetadata"), calls.video_field: detections}
        if calls.model:
            response[calls.model] = model
        records = calls.records((_timestamp(each), each[calls.one] if calls.one else each) for each in detections)
        return VisionResult(
            records,
            model,
            _json(response),
            (self._prices.charge("rekognition", operation_of(calls.start), seconds / 60),),
        )


def _timestamp(detection: dict[str, Any]) -> float | None:
    return detection["Timestamp"] / 1000 if "Timestamp" in detection else None


def _json(response: dict[str, Any]) -> bytes:
    return json.dumps(response, separators=(",", ":"), default=str).encode()
