"""`streams.services.Vision` over Amazon Rekognition.

Source: Amazon Rekognition Developer Guide, "Working with stored video analysis operations".
"""

from __future__ import annotations

import json
from typing import Any

from headrace.schemas.records import Asset
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.rekognition_features import OPERATIONS
from headrace.streams.costs.prices import charge, operation_of
from headrace.streams.service_results import Feature, VisionResult
from headrace.streams.settings import StreamSettings


class Rekognition:
    """Sees what is in pictures, through Rekognition."""

    def __init__(self, aws: AwsClient, settings: StreamSettings) -> None:
        self._aws = aws
        self._settings = settings

    async def detect(self, feature: Feature, asset: Asset) -> VisionResult:
        """Ask about an image and wait for the answer."""
        calls = OPERATIONS[feature]
        options = (calls.image_options or calls.options)(self._settings.min_confidence)
        answer = await self._aws.call("rekognition", calls.image, Image={"S3Object": _location(asset)}, **options)
        answer.pop("ResponseMetadata", None)
        found = calls.records((None, each) for each in answer[calls.of_image])
        paid = charge("rekognition", operation_of(calls.image), 1)
        return VisionResult(found, answer.get(calls.model, ""), _json(answer), (paid,))

    async def start(self, feature: Feature, asset: Asset, token: str) -> str:
        """Submit a video under an idempotency key and give the job id; the same key gives the same job."""
        calls = OPERATIONS[feature]
        answer = await self._aws.call(
            "rekognition",
            calls.start,
            Video={"S3Object": _location(asset)},
            ClientRequestToken=token,
            JobTag=token,
            NotificationChannel=self._settings.job_channel,
            **calls.options(self._settings.min_confidence),
        )
        job_id: str = answer["JobId"]
        return job_id

    async def get_result(self, feature: Feature, job_id: str, seconds: float) -> VisionResult:
        """Fetch every page of what a job found."""
        calls = OPERATIONS[feature]
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        more: dict[str, str] = {}
        while not page or more:
            page = await self._aws.call("rekognition", calls.get, JobId=job_id, MaxResults=1000, **more)
            found += page[calls.of_video]
            more = {"NextToken": page["NextToken"]} if page.get("NextToken") else {}
        model = page.get(calls.model, "")
        answer = {"JobId": job_id, "VideoMetadata": page.get("VideoMetadata"), calls.of_video: found}
        if calls.model:
            answer[calls.model] = model
        records = calls.records((_moment(each), each[calls.one] if calls.one else each) for each in found)
        return VisionResult(
            records, model, _json(answer), (charge("rekognition", operation_of(calls.start), seconds / 60),)
        )


def _moment(sighting: dict[str, Any]) -> float | None:
    return sighting["Timestamp"] / 1000 if "Timestamp" in sighting else None


def _location(asset: Asset) -> dict[str, str]:
    location = {"Bucket": asset.bucket, "Name": asset.key}
    return {**location, "Version": asset.version_id} if asset.version_id else location


def _json(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":"), default=str).encode()
