"""`streams.services.Vision` over Amazon Rekognition.

Source: Amazon Rekognition Developer Guide, "Working with stored video analysis operations".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.records import Asset, Label
from streams.aws import Aws
from streams.prices import charge
from streams.services import Feature, Findings
from streams.settings import StreamSettings


@dataclass(frozen=True, slots=True)
class Operations:
    """What Rekognition calls the operations of one feature, and where its answers hold what was found."""

    image: str
    image_price: str
    start: str
    start_price: str
    get: str
    found: str
    one: str
    model: str


OPERATIONS: dict[Feature, Operations] = {
    "labels": Operations(
        image="detect_labels",
        image_price="DetectLabels",
        start="start_label_detection",
        start_price="StartLabelDetection",
        get="get_label_detection",
        found="Labels",
        one="Label",
        model="LabelModelVersion",
    ),
    "moderation": Operations(
        image="detect_moderation_labels",
        image_price="DetectModerationLabels",
        start="start_content_moderation",
        start_price="StartContentModeration",
        get="get_content_moderation",
        found="ModerationLabels",
        one="ModerationLabel",
        model="ModerationModelVersion",
    ),
}


class Rekognition:
    """Sees what is in pictures, through Rekognition."""

    def __init__(self, aws: Aws, settings: StreamSettings) -> None:
        self._aws = aws
        self._settings = settings

    async def look(self, feature: Feature, asset: Asset) -> Findings:
        """Ask about an image and wait for the answer."""
        calls = OPERATIONS[feature]
        answer = await self._aws.call(
            "rekognition",
            calls.image,
            Image={"S3Object": _location(asset)},
            MinConfidence=self._settings.min_confidence,
        )
        answer.pop("ResponseMetadata", None)
        paid = charge("rekognition", calls.image_price, 1)
        return Findings(_labels(answer[calls.found]), answer.get(calls.model, ""), _json(answer), (paid,))

    async def start(self, feature: Feature, asset: Asset, token: str) -> str:
        """Submit a video under an idempotency key and give the job id; the same key gives the same job."""
        channel = {"SNSTopicArn": self._settings.rekognition_topic_arn, "RoleArn": self._settings.rekognition_role_arn}
        answer = await self._aws.call(
            "rekognition",
            OPERATIONS[feature].start,
            Video={"S3Object": _location(asset)},
            MinConfidence=self._settings.min_confidence,
            ClientRequestToken=token,
            JobTag=token,
            NotificationChannel=channel,
        )
        job_id: str = answer["JobId"]
        return job_id

    async def found(self, feature: Feature, job_id: str, seconds: float) -> Findings:
        """Fetch every page of what a job found."""
        calls = OPERATIONS[feature]
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        more: dict[str, str] = {}
        while not page or more:
            page = await self._aws.call("rekognition", calls.get, JobId=job_id, MaxResults=1000, **more)
            found += page[calls.found]
            more = {"NextToken": page["NextToken"]} if page.get("NextToken") else {}
        model = page.get(calls.model, "")
        answer = {"JobId": job_id, "VideoMetadata": page.get("VideoMetadata"), calls.model: model, calls.found: found}
        paid = charge("rekognition", calls.start_price, seconds / 60)
        return Findings(_labels(each[calls.one] for each in found), model, _json(answer), (paid,))


def _labels(found: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> tuple[Label, ...]:
    """Keep the surest sighting of each name, surest first."""
    best: dict[str, Label] = {}
    for each in found:
        parents = each.get("Parents") or [{"Name": each.get("ParentName")}]
        label = Label(name=each["Name"], confidence=round(each["Confidence"], 2), parent=parents[0]["Name"] or None)
        if label.name not in best or best[label.name].confidence < label.confidence:
            best[label.name] = label
    return tuple(sorted(best.values(), key=lambda label: (-label.confidence, label.name)))


def _location(asset: Asset) -> dict[str, str]:
    location = {"Bucket": asset.bucket, "Name": asset.key}
    return {**location, "Version": asset.version_id} if asset.version_id else location


def _json(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":"), default=str).encode()
